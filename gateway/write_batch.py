"""Writes that leave together: many system calls in a row cost less than as many with our own work between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# So few calls at a time gain nothing by waiting for each other.
FEW = 2


class WriteBatch:
    """What the tasks of one turn of the event loop write is written in the next one, all of it in a row.

    The caches of a processor are small: each system call drives the interpreter's state out of them, and what runs
    after it begins cold.
    """

    __slots__ = ("_writes",)

    def __init__(self) -> None:
        self._writes: list[tuple[Callable[[bytes], None], bytes]] = []

    def write(self, write: Callable[[bytes], None], data: bytes, running: int) -> None:
        """Have `write` called with the data, in its turn. running: how many calls are, this one included."""
        if running <= FEW and not self._writes:
            write(data)
            return
        if not self._writes:
            asyncio.get_running_loop().call_soon(self.flush)
        self._writes.append((write, data))

    def flush(self) -> None:
        """Write all that waits."""
        writes, self._writes = self._writes, []
        for write, data in writes:
            write(data)
