"""A real `python -m gateway` as a child of the test."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
START_SECONDS = 40.0
STORAGE_VARIABLES = ("AzureWebJobsStorage", "TABLES_ENDPOINT", "GATEWAY_ENCRYPTION_KEY", "PORT")

Start = Callable[..., "LocalRun"]


class LocalRun:
    """The process, what it printed so far, and the processes it started."""

    def __init__(self, command: Sequence[str], directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.printed: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()  # None: it has closed its output
        clean = {name: value for name, value in os.environ.items() if name not in STORAGE_VARIABLES}
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**clean, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def said(self, text: str, seconds: float = START_SECONDS) -> str:
        """The first line, printed or yet to be printed, with `text` in it."""
        give_up = time.monotonic() + seconds
        seen = iter(self.printed)
        while (line := next(seen, None) or self._next(give_up - time.monotonic())) is not None:
            if text in line:
                return line
        raise AssertionError(f"no {text!r} within {seconds} s in:\n{self.output}")

    def ready(self) -> LocalRun:
        """Wait until it has said how to call it, and, in a demo, what became of the call."""
        self.said("With the OpenAI SDK")
        if "--demo" in self.process.args:
            self.said("The simulated upstream is")
        return self

    @property
    def output(self) -> str:
        """All that it has printed until now."""
        while self._next(0) is not None:
            pass
        return "".join(self.printed)

    @property
    def local(self) -> dict[str, str]:
        """What is in local.json."""
        local: dict[str, str] = json.loads((self.directory / "local.json").read_text())
        return local

    def children(self) -> dict[int, str]:
        """Its descendants, by process id, each with its command line."""
        return descendants(self.process.pid)

    def end(self, how: signal.Signals = signal.SIGINT, patience: float = 20.0) -> float:
        """Send `how` to its process group, as a terminal does; seconds until it had ended. The exit code is kept."""
        started = time.monotonic()
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
        self.process.wait(patience)
        seconds = time.monotonic() - started
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return seconds

    def _next(self, seconds: float) -> str | None:
        """The next line, noted as printed; None if none comes in time or ever."""
        try:
            line = self._lines.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if line is None:
            self._lines.put(None)
        else:
            self.printed.append(line)
        return line

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)


def descendants(root: int) -> dict[int, str]:
    """All processes below `root`."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    parents: dict[int, tuple[int, str]] = {}
    for line in listed.splitlines():
        pid, parent, command = line.split(None, 2)
        parents[int(pid)] = int(parent), command
    found: dict[int, str] = {}
    for pid, (_, command) in parents.items():
        above = pid
        while above in parents and above != root:
            above = parents[above][0]
        if above == root and pid != root:
            found[pid] = command
    return found


def alive(processes: Sequence[int] | dict[int, str], seconds: float = 5.0) -> list[int]:
    """Those that are still there after up to `seconds`; a zombie is not."""
    give_up = time.monotonic() + seconds
    while True:
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,stat="], capture_output=True, text=True, check=True
        ).stdout
        states = dict(line.split(None, 1) for line in listed.splitlines())
        left = [pid for pid in processes if not states.get(str(pid), "Z").startswith("Z")]
        if not left or time.monotonic() > give_up:
            return left
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `python -m gateway` with options; the state directory is the test's own unless another is given."""
    yield from starter(tmp_path / "state")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """A demo that several tests look at and none changes."""
    for start in starter(tmp_path_factory.mktemp("demo") / "state"):
        yield start("--demo").ready()


def starter(default: Path) -> Iterator[Start]:
    """Makes runs, and sees to it that none is left."""
    runs: list[LocalRun] = []

    def start(*options: str, command: Sequence[str] = (), directory: Path = default, **environment: str) -> LocalRun:
        state = ["--state-dir", str(directory)]
        gateway = [sys.executable, "-m", "gateway", "--port", "0", *state, *options]
        run = LocalRun(command or gateway, directory, environment)
        runs.append(run)
        return run

    try:
        yield start
    finally:
        for run in runs:
            processes = run.children()
            run.end(signal.SIGTERM)
            for pid in alive(processes):
                os.kill(pid, signal.SIGKILL)


def call(url: str, method: str = "GET", *, token: str = "", body: object = None) -> tuple[int, Any, dict[str, str]]:
    """One HTTP call with the standard library: status, JSON, headers in lower case."""
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    if token:
        request.add_header("authorization", f"Bearer {token}")
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status, json.loads(text) if text else None, headers
