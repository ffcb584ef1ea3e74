"""How scripts/functions_tests.py finds a Python that is new enough, and what it says when there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import functions_tests
import pytest


def _pretender(path: Path, version: str) -> str:
    """A program that claims to be that Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return str(path)


def test_the_first_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    old = _pretender(tmp_path / "old", "3 12")
    new = _pretender(tmp_path / "new", "3 13")
    newer = _pretender(tmp_path / "newer", "3 14")

    assert functions_tests.first_new_enough([old, new, newer]) == new


def test_one_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)

    found = functions_tests.first_new_enough([str(shim), str(tmp_path / "missing"), sys.executable])

    assert found == sys.executable


def test_pyenvs_versions_are_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    kept = _pretender(tmp_path / "versions/3.13.5/bin/python3.13", "3 13")

    assert kept in functions_tests.candidates()


def test_having_none_is_a_failure_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(functions_tests, "candidates", lambda: iter(()))

    assert functions_tests.main([]) == 1
    assert "uv python install 3.13" in capsys.readouterr().err
