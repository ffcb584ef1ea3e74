"""The spill: pages of calls on disk while storage is down, one file for each process."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import tempfile
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.metering.pages import UsagePage
from gateway.metering.records import from_line
from gateway.settings import Settings

logger = logging.getLogger("gateway.usage")

SECRET_PARTS = ("accountkey=", "sharedaccesssignature=")


def spill_of(settings: Settings) -> Spill:
    """The spill in the directory that the settings name, or in this user's own below the temporary one."""
    # A storage that no setting names is this process's own, and nobody else's to replay into.
    storage = settings.tables_endpoint or settings.storage_connection or uuid.uuid4().hex
    # A key that was rotated does not make it another storage.
    parts = [part for part in storage.split(";") if not part.strip().lower().startswith(SECRET_PARTS)]
    if settings.usage_spill_directory:
        return Spill(Path(settings.usage_spill_directory), ";".join(parts))
    return Spill(Path(tempfile.gettempdir()) / f"roundhouse-usage-{os.getuid()}", ";".join(parts))


@dataclass(slots=True)
class _File:
    """An open file that this process alone has locked. read: up to where its pages are stored by now."""

    path: Path
    descriptor: int
    read: int = 0

    @property
    def size(self) -> int:
        return os.fstat(self.descriptor).st_size


class Spill:
    """Pages that storage did not take, as lines of JSON in `<directory>/usage-<storage>-<by chance>.jsonl`.

    Who holds the lock of a file owns it; the system frees it when that process ends, however it ends, and the next one
    to start takes the file over. storage: names the account, so that nothing is replayed into another. All methods
    block, and are for one thread at a time. `waiting`: whether there is anything to replay.
    """

    def __init__(self, directory: Path, storage: str) -> None:
        self.waiting = False
        self._directory = directory
        self._begin = f"usage-{hashlib.sha256(storage.encode()).hexdigest()[:12]}-"
        self._own: _File | None = None
        # Those of dead processes come first.
        self._files: deque[_File] = deque()
        self._batch: tuple[_File, int] | None = None

    def adopt(self) -> int:
        """Take over the files of dead processes; how many. Before the first append."""
        for path in sorted(self._directory.glob(f"{self._begin}*.jsonl")):
            # One that is gone meanwhile, or another user's, is not ours to take.
            with contextlib.suppress(OSError):
                file = _claimed(path, os.O_RDWR)
                self._files += [] if file is None else [file]
        self.waiting = bool(self._files)
        return len(self._files)

    def append(self, pages: Sequence[UsagePage]) -> None:
        """Put pages on disk for good, all of them or none. Raises OSError."""
        if self._own is None:
            self._own = self._made()
            self._files.append(self._own)
        before = self._own.size
        data = b"".join(map(_to_bytes, pages))
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(self._own.descriptor, data[done:], before + done)
            os.fsync(self._own.descriptor)
        except OSError:
            os.ftruncate(self._own.descriptor, before)
            raise
        self.waiting = True

    def batch(self, most: int) -> list[UsagePage]:
        """The next pages to replay, oldest first; none: there are no more. A damaged line is named and left out."""
        while self._files:
            file, pages = self._files[0], []
            end = file.read
            for line in _lines(file):
                end += len(line)
                page = _from_bytes(file, line)
                pages += [] if page is None else [page]
                if len(pages) == most:
                    break
            self._batch = (file, end)
            if pages:
                return pages
            self.stored()
        self.waiting = False
        return []

    def stored(self) -> None:
        """The pages of the last batch are in storage; a file that holds no others is removed."""
        if self._batch is None:
            return
        file, end = self._batch
        file.read, self._batch = end, None
        if file.read >= file.size:
            self._files.remove(file)
            self._own = None if file is self._own else self._own
            file.path.unlink(missing_ok=True)
            os.close(file.descriptor)

    def close(self) -> None:
        """Let go of the files; what they hold is the next process's."""
        for file in self._files:
            os.close(file.descriptor)
        self._files.clear()
        self._own, self.waiting = None, False

    def _made(self) -> _File:
        """A new file, with the lock on it before anybody else could have it."""
        while True:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._directory / f"{self._begin}{uuid.uuid4().hex}.jsonl"
            file = _claimed(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            if file is not None:
                return file


def _claimed(path: Path, flags: int) -> _File | None:
    """The file, locked; None when another process has it. Raises OSError."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its last owner may have removed it between the two calls.
        found = os.fstat(descriptor)
        if os.path.samestat(found, path.stat()) and found.st_uid == os.getuid():
            return _File(path, descriptor)
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _lines(file: _File) -> Iterator[bytes]:
    with open(file.descriptor, "rb", closefd=False) as content:
        content.seek(file.read)
        yield from content


def _to_bytes(page: UsagePage) -> bytes:
    found = {"instance": page.instance, "sequence": page.sequence, "calls": page.lines}
    return json.dumps(found, separators=(",", ":")).encode() + b"\n"


def _from_bytes(file: _File, line: bytes) -> UsagePage | None:
    try:
        found = json.loads(line)
        return UsagePage.of(str(found["instance"]), int(found["sequence"]), map(from_line, found["calls"]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        logger.warning("a damaged line of %s was skipped: %d bytes of usage", file.path.name, len(line))
        return None
