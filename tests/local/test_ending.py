"""However the local run ends, nothing of it is left."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.conftest import Start, alive, call
from tests.local.test_demo import CHAT


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda how: how.name)
def test_a_signal_ends_it_cleanly_and_leaves_no_child(start: Start, how: signal.Signals) -> None:
    run = start("--demo").ready()
    children = run.children()
    assert len(children) == 3, children

    seconds = run.end(how)

    assert run.process.returncode == 0
    assert seconds < 5
    assert alive(children, 0) == []
    assert "Traceback" not in run.output
    assert run.output.endswith("Stopping.\n")


def test_ctrl_c_while_it_starts_is_as_quiet(start: Start) -> None:
    for text in ("starts, with", "It serves on"):
        run = start("--demo")
        run.said(text)
        children = run.children()
        assert run.end() < 5
        assert run.process.returncode == 0
        assert alive(children, 0) == []
        assert "Traceback" not in run.output


def test_a_stream_under_way_does_not_hold_up_the_end(start: Start) -> None:
    run = start("--demo").ready()
    upstream = run.said("The simulated upstream is").split()[-1]
    for name in ("east", "west", "north"):
        call(f"{upstream}/_simulator/deployments/{name}", "PUT", body={"latency_ms": 60_000})
    host, _, port = run.local["url"].removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as client:
        body = str(CHAT).replace("'", '"')
        client.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\napi-key: {run.local['api_key']}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
        )
        assert run.end() < 5
    assert run.process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_sigkill_leaves_no_child(start: Start) -> None:
    run = start("--demo", "--workers", "2").ready()
    children = run.children()
    assert len(children) == 4, children

    run.end(signal.SIGKILL)

    assert alive(children) == []
    start().ready()


def test_sigterm_to_make_ends_everything(start: Start, tmp_path: Path) -> None:
    make = shutil.which("make")
    assert make is not None
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    options = [f"PORT={port}", f"ARGS=--state-dir {tmp_path}", f"VENV={Path(sys.executable).parent}"]
    run = start(command=[make, "-o", "install", "run", *options], directory=tmp_path)
    run.said("was answered by")
    assert run.local["url"].endswith(f":{port}")
    children = run.children()
    assert len(children) == 4, children

    os.kill(run.process.pid, signal.SIGTERM)
    run.process.wait(10)

    assert alive(children) == []


def test_a_help_that_is_cut_off_ends_quietly() -> None:
    command = f"{sys.executable} -m gateway --help | head -1"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=30
    )
    assert done.stdout.startswith("usage: python -m gateway")
    assert "Traceback" not in done.stderr
