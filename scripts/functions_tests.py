"""Run tests/functions in `.venv-functions`: with the real Azure Functions runtime, which needs Python 3.13 or later.

`python scripts/functions_tests.py [pytest's arguments]`, from any Python. It finds an interpreter that is new enough,
makes the environment (again only when a requirement has changed) and fails, never skips, when it can't.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv-functions"
REQUIREMENTS = ("requirements-functions-test.txt", "requirements.txt")
OLDEST = (3, 13)
# The version that is deployed comes first; a newer one will do.
MINORS = (13, 14, 15)
ASK_VERSION = "import sys; print(*sys.version_info[:2])"
ASK_SECONDS = 20

NONE_FOUND = """\
tests/functions need Python 3.13 or later, for which alone the Azure Functions runtime is published. None was found:
not the Python that runs this, no python3.13 (3.14, 3.15) on PATH, none under {pyenv}, none known to uv.
Install one, for example by `uv python install 3.13` or `pyenv install 3.13`, and run this again."""


def candidates() -> Iterator[str]:
    """Interpreters worth asking, the likeliest first."""
    names = [f"python3.{minor}" for minor in MINORS]
    yield sys.executable
    yield from filter(None, map(shutil.which, names))
    for name in names:
        yield from map(str, sorted(pyenv_versions().glob(f"{name.removeprefix('python')}*/bin/{name}"), reverse=True))
    if uv := shutil.which("uv"):
        yield from _output([uv, "python", "find", ">=3.13"]).splitlines()


def pyenv_versions() -> Path:
    """Where pyenv keeps the interpreters that it has built."""
    return Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


def first_new_enough(interpreters: Iterable[str]) -> str | None:
    """The first that runs and is new enough; a pyenv shim, for one, may be on PATH and refuse to run."""
    for each in interpreters:
        version = _output([each, "-c", ASK_VERSION]).split()
        if tuple(map(int, version)) >= OLDEST:
            return each
    return None


def make_venv(interpreter: str) -> Path:
    """The Python of the environment, which is made or made anew if the requirements have changed since."""
    digest = hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in REQUIREMENTS)).hexdigest()
    stamp, python = VENV / "stamp", VENV / "bin" / "python"
    if not (stamp.exists() and stamp.read_text() == digest and _output([str(python), "-c", ASK_VERSION])):
        print(f"Making {VENV.name} with {interpreter}; this takes half a minute, once.", flush=True)
        subprocess.run([interpreter, "-m", "venv", "--clear", VENV], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        subprocess.run([*pip, "-r", str(ROOT / REQUIREMENTS[0])], check=True)
        stamp.write_text(digest)
    return python


def environment() -> str | None:
    """The environment's Python; None, and said why, when there is no interpreter to make it with."""
    interpreter = first_new_enough(candidates())
    if interpreter is None:
        print(NONE_FOUND.format(pyenv=pyenv_versions()), file=sys.stderr)
        return None
    return str(make_venv(interpreter))


def main(arguments: Sequence[str]) -> int:
    """Pytest's exit code; 1 when there is no interpreter."""
    python = environment()
    if python is None:
        return 1
    pytest = [python, "-m", "pytest", "-c", "tests/functions/pytest.ini", "--rootdir", str(ROOT)]
    return subprocess.run([*pytest, *(arguments or ["-q", "tests/functions"])], cwd=ROOT, check=False).returncode


def _output(command: Sequence[str]) -> str:
    """What `command` prints; nothing if it can't be run or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
