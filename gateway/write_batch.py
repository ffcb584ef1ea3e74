"""Writes that leave together: many system calls in a row cost less than as many with our own work between them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

logger = logging.getLogger("gateway")

# After a batch of one so many writes do not wait for company.
ALONE = 32


class WriteBatch:
    """What the tasks of one turn of the event loop write is written in the next one, all of it in a row.

    The caches of a processor are small: each system call drives the interpreter's state out of them, and what runs
    after it begins cold. Where there is little to do no two writes meet, and to wait would cost a turn: so when nobody
    came the next ones leave at once, for a while.
    """

    __slots__ = ("_at_once", "_writes")

    def __init__(self) -> None:
        self._writes: list[tuple[Callable[[bytes], None], bytes]] = []
        self._at_once = 0

    def write(self, write: Callable[[bytes], None], data: bytes) -> None:
        """Have `write` called with the data, now or in the next turn; what came before it goes before it."""
        if self._writes:
            self._writes.append((write, data))
        elif self._at_once:
            self._at_once -= 1
            write(data)
        else:
            asyncio.get_running_loop().call_soon(self.flush)
            self._writes.append((write, data))

    def flush(self) -> None:
        """Write all that waits."""
        writes, self._writes = self._writes, []
        if len(writes) == 1:
            self._at_once = ALONE
        for write, data in writes:
            try:
                write(data)
            except Exception:
                # One that fails must not take along those that wait behind it.
                logger.exception("a write failed")
