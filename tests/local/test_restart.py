"""What stays over a restart, and what the local run does about what did not."""

from __future__ import annotations

import json
import socket

from tests.local.conftest import Start, call
from tests.local.test_demo import CHAT, LIST


def test_a_second_run_keeps_registry_key_token_and_ports(start: Start) -> None:
    first = start("--demo").ready()
    local, ports = first.local, json.loads((first.directory / "ports.json").read_text())
    key = (first.directory / "encryption.key").read_text()
    _, listed, _ = call(local["url"] + LIST, token=local["management_token"])
    first.end()

    second = start("--demo").ready()
    assert {**second.local, "url": ""} == {**local, "url": ""}
    assert json.loads((second.directory / "ports.json").read_text()) == ports
    assert (second.directory / "encryption.key").read_text() == key
    _, listed_again, _ = call(second.local["url"] + LIST, token=local["management_token"])
    assert listed_again == listed
    assert "was answered by" in second.output


def test_what_no_longer_fits_is_mended(start: Start) -> None:
    first = start("--demo").ready()
    first.end()
    port = json.loads((first.directory / "ports.json").read_text())["simulator"]
    local = first.local
    forgotten = {**local, "api_key": "rh-000000000000-" + "x" * 43}
    (first.directory / "local.json").write_text(json.dumps(forgotten))

    with socket.create_server(("127.0.0.1", port)):
        second = start("--demo").ready()
        assert json.loads((second.directory / "ports.json").read_text())["simulator"] != port
        assert second.local["api_key"] not in (forgotten["api_key"], local["api_key"])
        assert "was answered by" in second.output, "the deployments follow their upstream, and the new key works"
        second.end()

    third = start("--no-demo").ready()
    assert not any("simulator" in command for command in third.children().values())
    status, _, _ = call(third.local["url"] + "/v1/chat/completions", "POST", token=third.local["api_key"], body=CHAT)
    assert status == 502
