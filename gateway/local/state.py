"""What the local run keeps between starts, in one private directory: addresses, ports, the encryption key, the lock."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.local.errors import CannotStart

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True)
class LocalFile:
    """`local.json`: where the gateway listens and what opens it, for scripts and tests to read."""

    url: str
    management_token: str
    api_key: str
    storage: str


class State:
    """The state directory (0700); its files are written whole and readable by their owner alone (0600)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.azurite_data = self.directory / "azurite"
        self.local_file = self.directory / "local.json"

    def open(self, *, as_guest: bool = False) -> int | None:
        """Make the directory and lock it; answers the lock's descriptor, which holds until it is closed.

        If another gateway has it: None for a guest, which reads the key and the API key and starts nothing that keeps
        data here; CannotStart for any other, since two Azurites would spoil each other's data.
        """
        try:
            self.azurite_data.mkdir(parents=True, exist_ok=True)
            self.directory.chmod(0o700)
            lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotStart(f"can't keep state in {self.directory} ({error.strerror}): give --state-dir") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode()
            os.close(lock)
            if as_guest:
                return None
            raise CannotStart(
                f"{self.directory} is in use by another gateway (process {holder}): stop it, or give --state-dir"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        return lock

    def remembered(self) -> LocalFile | None:
        """What the last run wrote to `local.json`; None if there is nothing of use."""
        try:
            return LocalFile(**json.loads(self.local_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def remember(self, local: LocalFile, guest_port: int | None = None) -> Path:
        """Write `local.json`, or a guest's own file, named by its port. Answers the file."""
        file = self.local_file if guest_port is None else self.directory / f"local-{guest_port}.json"
        self._write(file, json.dumps(asdict(local), indent=2) + "\n")
        return file

    def port(self, name: str) -> int | None:
        """The port that the child `name` had last time."""
        return self._ports().get(name)

    def remember_port(self, name: str, port: int) -> None:
        """Note a child's port, so that addresses which were stored or copied stay true over restarts."""
        ports: Mapping[str, int] = {**self._ports(), name: port}
        self._write(self.directory / "ports.json", json.dumps(ports) + "\n")

    def encryption_key(self) -> str:
        """What seals provider keys in the local storage: base64 of 32 bytes, made when first asked for."""
        file = self.directory / "encryption.key"
        if not file.exists():
            self._write(file, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        return file.read_text().strip()

    def _ports(self) -> dict[str, int]:
        try:
            ports = json.loads((self.directory / "ports.json").read_text())
            return {str(name): int(port) for name, port in ports.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self, file: Path, text: str) -> None:
        """All or nothing: whoever reads meanwhile sees the old text or the new one."""
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
