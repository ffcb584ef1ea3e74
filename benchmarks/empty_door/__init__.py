"""The same function behind the door and the server that Roundhouse has: what they cost without a gateway."""
