"""Request bodies that are too large for memory: spooled to disk, so that another deployment can be sent them again."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import IO

PIECE = 256 * 1024


class Spool:
    """Bytes as they arrive: in memory up to `threshold`, from there on in an unnamed file of the system's."""

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self.length = 0

    def write(self, data: bytes) -> None:
        """Append. The file's pages are the system's to write; it is not waited for."""
        self.length += len(data)
        if self._file is None and self.length > self._threshold:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close()
            self._write_out(bytes(self._memory))
            self._memory = bytearray()
        if self._file is None:
            self._memory += data
        else:
            self._write_out(data)

    def _write_out(self, data: bytes) -> None:
        assert self._file is not None
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    async def read(self, at: int, size: int) -> bytes:
        """So many bytes from an offset on."""
        if self._file is None:
            return bytes(self._memory[at : at + size])
        return await asyncio.to_thread(os.pread, self._file.fileno(), size, at)

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True, slots=True)
class SpooledBody:
    """A spool as it is to be sent: with the bytes from `start` to `end` replaced by others, if so wanted."""

    spool: Spool
    start: int = 0
    end: int = 0
    replacement: bytes = b""

    @property
    def length(self) -> int:
        """How many bytes will be sent."""
        return self.spool.length - (self.end - self.start) + len(self.replacement)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """All of them, in order; may be asked for again."""
        for at in range(0, self.start, PIECE):
            yield await self.spool.read(at, min(PIECE, self.start - at))
        if self.replacement:
            yield self.replacement
        for at in range(self.end, self.spool.length, PIECE):
            yield await self.spool.read(at, min(PIECE, self.spool.length - at))
