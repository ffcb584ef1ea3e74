"""Child processes: each in a session of its own, stopped in order, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2), <linux/prctl.h>


class Role(StrEnum):
    """What a child is for, in the order in which children are ended: Azurite last, for the others may still write."""

    WORKER = "worker"
    SIMULATOR = "simulator"
    AZURITE = "Azurite"


class Child:
    """A process of ours. `farewell` is the signal that ends it well."""

    def __init__(
        self,
        role: Role,
        command: Sequence[str],
        process: asyncio.subprocess.Process,
        farewell: signal.Signals,
    ) -> None:
        self.role = role
        self.command_line = shlex.join(command)
        self._process = process
        self._farewell = farewell

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def said(self, text: str, log: Path, seconds: float) -> str | None:
        """The first line of its `log` with `text` in it; None if it ends or `seconds` pass without one."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + seconds
        while loop.time() < give_up:
            is_over = self._process.returncode is not None  # asked first: its last line may come right before its end
            line = _line_with(text, log)
            if line is not None or is_over:
                return line
            await asyncio.sleep(0.02)
        return None

    def tell(self, text: str) -> None:
        """Give it its standard input, whole."""
        if self._process.stdin is not None:
            self._process.stdin.write(text.encode())
            self._process.stdin.close()

    async def ended(self) -> int:
        """Wait until it has ended; its exit code, negative if a signal ended it."""
        return await self._process.wait()

    async def stop(self, patience: float) -> None:
        """Ask it to end; kill it if it has not after `patience` seconds."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self._farewell)
            try:
                await asyncio.wait_for(self._process.wait(), patience)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


class Children:
    """All processes of one run."""

    def __init__(self) -> None:
        self._all: list[Child] = []

    async def start(
        self,
        role: Role,
        command: Sequence[str],
        *,
        log: Path | None = None,
        farewell: signal.Signals = signal.SIGTERM,
        descriptors: Sequence[int] = (),
    ) -> Child:
        """Start `command`. It inherits `descriptors`; what it prints goes to the file `log`, else where ours goes."""
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(log.open("wb")) if log else None
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT if log else None,
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C in a terminal reaches us alone; we end the children in order
                preexec_fn=_die_with_parent(),
            )
        child = Child(role, command, process, farewell)
        self._all.append(child)
        return child

    async def stop(self, patience: float) -> None:
        """End all, role by role; each gets `patience` seconds before it is killed."""
        for role in Role:
            await asyncio.gather(*(child.stop(patience) for child in self._all if child.role is role))


def _line_with(text: str, log: Path) -> str | None:
    lines = log.read_text(errors="replace").splitlines(keepends=True)
    return next((line.strip() for line in lines if text in line and line.endswith("\n")), None)


def _die_with_parent() -> Callable[[], None] | None:
    """What a child calls before it becomes its program, so that SIGKILL of the parent ends it too (Linux only).

    By SIGKILL, although Azurite may lose what it was told in the last 0.2 s: the kernel may send this signal once for
    each thread of the parent, and Azurite takes but its first SIGINT for a farewell.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec as little as possible may happen
    parent = os.getpid()

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os.kill(os.getpid(), signal.SIGKILL)

    return in_child
