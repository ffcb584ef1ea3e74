"""What keeps the local run from starting is said in one line, with what to do about it; exit code 2."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.local import azurite
from tests.local.conftest import LocalRun, Start


def refused(run: LocalRun, *texts: str) -> None:
    run.process.wait(20)
    run.end()
    assert run.process.returncode == 2, run.output
    last = run.output.splitlines()[-1]
    for text in ("Roundhouse can't start: ", *texts):
        assert text in last
    assert "Traceback" not in run.output


def test_a_busy_port_is_named(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused(start("--port", port), port, "--port")
        refused(start(PORT="nonsense"), "PORT must be a int")


def test_one_state_directory_serves_one_gateway(start: Start) -> None:
    first = start().ready()
    refused(start(), f"process {first.process.pid}", "--state-dir")


def test_settings_are_checked_before_anything_starts(start: Start) -> None:
    refused(start(GATEWAY_ENCRYPTION_KEY="short"), "GATEWAY_ENCRYPTION_KEY")
    refused(start(TABLES_ENDPOINT="http://contoso.example"), "TABLES_ENDPOINT must begin with https://")


def test_an_azurite_that_can_not_start_is_quoted(start: Start, tmp_path: Path) -> None:
    (tmp_path / "state/azurite").mkdir(parents=True)
    (tmp_path / "state/azurite/__azurite_db_table__.json").write_text("this is no database")
    refused(start(), "Azurite does not start", "azurite.log")


def test_a_worker_that_can_not_start_is_not_started_for_ever(start: Start, tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise SystemExit(7)")
    refused(start(PYTHONPATH=str(tmp_path)), "a serving process ended (exit code 7) before it served")


def test_what_is_not_installed_is_named(start: Start, tmp_path: Path) -> None:
    for module, advice in (("aiohttp", "`make run` installs"), ("openai", "--no-demo")):
        (tmp_path / module).mkdir()
        (tmp_path / module / f"{module}.py").write_text(f"raise ModuleNotFoundError('no', name={module!r})")
        refused(start("--demo", PYTHONPATH=str(tmp_path / module)), advice)


def test_a_missing_azurite_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AzureWebJobsStorage", "TABLES_ENDPOINT", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(azurite, "MAIN", tmp_path / "main.js")
    assert main(["--port", "0", "--state-dir", str(tmp_path)]) == 2
    assert "Azurite is not installed: run `make install`" in capsys.readouterr().err


def test_a_missing_node_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AzureWebJobsStorage", "TABLES_ENDPOINT", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(azurite, "find_node", lambda prefix: None)
    assert main(["--port", "0", "--state-dir", str(tmp_path)]) == 2
    assert "Azurite needs Node 20 or newer" in capsys.readouterr().err


def test_a_state_directory_that_can_not_be_is_named(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(start(directory=tmp_path / "file" / "state"), "can't keep state in", "--state-dir")
