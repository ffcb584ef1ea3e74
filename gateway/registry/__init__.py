"""The nouns the gateway serves from, their rules, and the snapshot that holds them."""
