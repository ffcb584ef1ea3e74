"""Writes that leave together: many system calls in a row cost less than as many with our own work between them."""

from __future__ import annotations

import asyncio
from typing import Protocol

# So few calls at a time gain nothing by waiting for each other.
FEW = 2


class Transport(Protocol):
    """What is needed of a transport."""

    def write(self, data: bytes, /) -> None: ...

    def is_closing(self) -> bool: ...


class WriteBatch:
    """What the tasks of one turn of the event loop write is written in the next one, all of it in a row.

    The caches of a processor are small: each system call drives the interpreter's state out of them, and what runs
    after it begins cold.
    """

    __slots__ = ("_writes",)

    def __init__(self) -> None:
        self._writes: list[tuple[Transport, bytes]] = []

    def write(self, transport: Transport, data: bytes, running: int) -> None:
        """Write all that a transport gets in this turn. running: how many calls are, this one included."""
        if running <= FEW and not self._writes:
            transport.write(data)
            return
        if not self._writes:
            asyncio.get_running_loop().call_soon(self.flush)
        self._writes.append((transport, data))

    def flush(self) -> None:
        """Write all that waits."""
        writes, self._writes = self._writes, []
        for transport, data in writes:
            # It may have been closed meanwhile, and then nobody waits for what it was to write.
            if not transport.is_closing():
                transport.write(data)
