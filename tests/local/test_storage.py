"""The storage that the local run is given, or gives itself: there, dead, killed, and back again."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import time
from pathlib import Path

from tests.azurite.conftest import Azurite
from tests.local.conftest import LocalRun, Start, alive, call
from tests.local.test_demo import CHAT, LIST


def embedded_azurite(run: LocalRun) -> int | None:
    return next((pid for pid, command in run.children().items() if "azurite" in command), None)


def until_listed(run: LocalRun, seconds: float = 20.0) -> None:
    """Wait until the management plane answers."""
    give_up = time.monotonic() + seconds
    while call(run.local["url"] + LIST, token=run.local["management_token"])[0] != 200:
        assert time.monotonic() < give_up, run.output
        time.sleep(0.1)


def test_a_storage_that_is_given_is_used_and_no_azurite_started(start: Start, tmp_path: Path) -> None:
    azurite = Azurite(tmp_path)
    azurite.start()
    try:
        run = start("--demo", AzureWebJobsStorage=azurite.connection).ready()
        assert run.local["storage"] == azurite.connection
        assert embedded_azurite(run) is None
        assert "was answered by" in run.output
        run.end()
    finally:
        azurite.stop()


def test_a_storage_that_is_dead_at_the_start_is_waited_for(start: Start, tmp_path: Path) -> None:
    azurite = Azurite(tmp_path)
    run = start("--demo", AzureWebJobsStorage=azurite.connection)
    url = run.said("It serves on").split()[3]
    status, body, headers = call(url + "/v1/chat/completions", "POST", token="rh-any-key", body=CHAT)
    assert (status, body["error"]["type"]) == (503, "service_unavailable_error")
    assert "retry-after" in headers
    assert azurite.connection in run.said("Storage does not answer", 20)

    azurite.start()
    try:
        run.ready()
        assert "was answered by" in run.output
        run.end()
    finally:
        azurite.stop()


def test_a_storage_elsewhere_gets_no_key_of_ours_and_its_own_is_not_printed(start: Start) -> None:
    # 127.0.0.2 is this machine all the same, and refuses connections; but nobody would run Azurite there.
    run = start(
        "--demo",
        AzureWebJobsStorage="AccountName=contoso;AccountKey=c2VjcmV0Cg==;TableEndpoint=http://127.0.0.2:9/contoso",
    )
    run.said("GATEWAY_ENCRYPTION_KEY is not set")
    run.said("It serves on")
    assert "http://127.0.0.2:9/contoso" in run.said("Storage does not answer", 20)
    assert "c2VjcmV0Cg" not in run.output
    assert not any("simulator" in command or "azurite" in command for command in run.children().values())
    assert not (run.directory / "encryption.key").exists()


def test_a_second_gateway_of_the_checkout_is_a_guest_of_the_first(start: Start) -> None:
    first = start("--demo").ready()
    before = first.local

    guest = start("--demo", AzureWebJobsStorage=before["storage"])
    url = guest.said("It serves on").split()[3]
    guest.said("With the OpenAI SDK")

    assert [command for command in guest.children().values() if "gateway.local.worker" not in command] == []
    assert first.local == before
    own = guest.directory / f"local-{url.rpartition(':')[2]}.json"
    assert json.loads(own.read_text()) == {**before, "url": url}
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert call(url + "/v1/chat/completions", "POST", token=before["api_key"], body=CHAT)[0] == 200
    guest.end()
    assert call(before["url"] + "/v1/models", token=before["api_key"])[0] == 200


def test_azurite_killed_costs_no_call_and_the_line_that_is_printed_brings_it_back(start: Start) -> None:
    run = start("--demo").ready()
    chat = run.local["url"] + "/v1/chat/completions"
    killed = embedded_azurite(run)
    assert killed is not None, f"{run.children()}\n{run.output}"
    time.sleep(1)  # azurite/save_often.js saves every 0.2 s; SIGKILL takes the rest with it
    os.kill(killed, signal.SIGKILL)
    run.said("WARNING: Azurite ended (signal 9)", 10)
    command = run.said("table/main.js", 5)
    assert {call(chat, "POST", token=run.local["api_key"], body=CHAT)[0] for _ in range(20)} == {200}
    assert call(run.local["url"] + LIST, token=run.local["management_token"])[0] == 503
    assert embedded_azurite(run) is None, "it is not started again by itself"

    by_hand = subprocess.Popen(shlex.split(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_listed(run)
        run.end()
        assert alive([by_hand.pid], 0) == [by_hand.pid], "what we did not start we do not end"

        run = start("--demo").ready()
        assert embedded_azurite(run) is None
        assert "Azurite is running already" in run.output
        assert "was answered by" in run.output
        run.end()
    finally:
        by_hand.send_signal(signal.SIGINT)
        by_hand.wait(10)
