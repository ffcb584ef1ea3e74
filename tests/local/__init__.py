"""The local run: what it keeps, what it says, and the processes it starts and ends."""
