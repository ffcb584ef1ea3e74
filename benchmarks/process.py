"""A process that is measured: started on a core of its own, its CPU and memory read from /proc, ended for certain."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2), <linux/prctl.h>
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
STOP_SECONDS = 2.0


class DidNotStart(Exception):
    """A process ended, or said nothing, before it served; the message holds the end of its log."""


@dataclass(frozen=True)
class Launch:
    """How to start a process.

    address: where it will serve; None: it says so on a line of its output. descriptors: what it inherits; they are
    closed here as soon as it has them.
    """

    command: Sequence[str]
    address: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    standard_input: bytes = b""
    descriptors: Collection[int] = ()
    directory: Path | None = None


class Running:
    """A started process and all its descendants: it leads a session, which is how they are found."""

    def __init__(self, launch: Launch, core: int, log: Path) -> None:
        self._launch = launch
        self._log = log
        self.began = time.perf_counter()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                launch.command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **launch.environment},
                cwd=launch.directory,
                pass_fds=tuple(launch.descriptors),
                start_new_session=True,
                preexec_fn=_on_core(core),
            )
        for descriptor in launch.descriptors:
            os.close(descriptor)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(launch.standard_input)
            self._process.stdin.close()
        except BrokenPipeError:
            raise DidNotStart(self.last_words()) from None

    def address(self, seconds: float) -> str:
        """Where it serves; DidNotStart if it does not say so in time."""
        if self._launch.address is not None:
            return self._launch.address
        give_up = time.perf_counter() + seconds
        while time.perf_counter() < give_up:
            for line in self._log.read_text(errors="replace").splitlines(keepends=True):
                if line.startswith("http://") and line.endswith("\n"):
                    return line.strip().rstrip("/")
            self.check()
            time.sleep(0.002)
        raise DidNotStart(f"it did not say where it serves\n{self.last_words()}")

    def check(self) -> None:
        """DidNotStart if it has ended."""
        if self._process.poll() is not None:
            raise DidNotStart(f"it ended with exit code {self._process.returncode}\n{self.last_words()}")

    def wait(self, seconds: float) -> None:
        """Wait for its end; DidNotStart unless it ends well."""
        if self._process.wait(seconds) != 0:
            raise DidNotStart(self.last_words())

    def last_words(self) -> str:
        """The end of what it printed."""
        return "\n".join(self._log.read_text(errors="replace").strip().splitlines()[-15:])

    def cpu_seconds(self) -> float:
        """What all its processes have used since they began, in user and in kernel mode."""
        return sum(sum(int(each) for each in fields[11:15]) for fields in self._tree()) / TICKS

    def memory_bytes(self) -> int:
        """The resident memory of all its processes."""
        return sum(int(fields[21]) for fields in self._tree()) * PAGE

    def stop(self) -> None:
        """End all of it; what does not end when asked is killed."""
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()

    def _tree(self) -> list[list[str]]:
        """The fields of /proc/<pid>/stat from the third on, of every process of the session; see proc(5)."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:  # it has ended
                    continue
                if int(fields[3]) == self._process.pid:
                    found.append(fields)
        return found


def cores() -> tuple[int, int, int]:
    """A core each for the subject, the upstream and the load; with two cores the last two share one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[-1], usable[1] if len(usable) > 2 else usable[0], usable[0]


def _on_core(core: int) -> Callable[[], None]:
    """What a child does before it becomes its program: it goes to its core, and ends with its parent."""
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        os.sched_setaffinity(0, {core})
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return prepare
