"""Several serving processes on one port."""

from __future__ import annotations

import os
import signal
import time

from tests.local.conftest import LocalRun, Start, alive, call
from tests.local.test_demo import CHAT


def workers(run: LocalRun) -> list[int]:
    return [pid for pid, command in run.children().items() if "gateway.local.worker" in command]


def test_two_workers_both_serve_with_what_was_printed_and_end_cleanly(start: Start) -> None:
    run = start("--demo", "--workers", "2").ready()
    pids = workers(run)
    assert len(pids) == 2
    chat = run.local["url"] + "/v1/chat/completions"

    for paused in pids:
        os.kill(paused, signal.SIGSTOP)
        try:
            statuses = {call(chat, "POST", token=run.local["api_key"], body=CHAT)[0] for _ in range(3)}
        finally:
            os.kill(paused, signal.SIGCONT)
        assert statuses == {200}

    assert run.end() < 5
    assert run.process.returncode == 0
    assert alive(pids, 0) == []


def test_a_worker_that_is_killed_is_replaced(start: Start) -> None:
    run = start().ready()
    (killed,) = workers(run)

    os.kill(killed, signal.SIGKILL)

    assert str(killed) in run.said("another one takes its place", 5)
    give_up = time.monotonic() + 10
    while not (left := [pid for pid in workers(run) if pid != killed]) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert len(left) == 1
    assert call(run.local["url"] + "/v1/models", token=run.local["api_key"])[0] == 200
