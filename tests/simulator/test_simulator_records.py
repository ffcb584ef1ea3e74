"""What the simulator keeps of each request, and what it lets go."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from simulator import Received, Script, Simulator
from simulator.record import KEPT_BODY_BYTES, KEPT_RECORDS, Records


async def test_a_request_is_recorded_as_it_came(simulator: Simulator, bare: Any) -> None:
    body = b'{ "messages" : [],\n "unknown": "\\u00e9" }'
    path = "/openai/deployments/e%20ast/chat/completions"
    headers = ("Connection: close", "X-Two: 1", "x-two: 2", "X-Empty:")
    await bare.send(bare.request(f"{path}?api-version=1&x=y", body, *headers))
    (received,) = simulator.received("e ast")
    assert (received.method, received.path, received.query) == ("POST", path, "api-version=1&x=y")
    assert received.raw_headers[-4:] == [("Connection", "close"), ("X-Two", "1"), ("x-two", "2"), ("X-Empty", "")]
    assert (received.headers["x-two"], received.headers["x-empty"]) == ("1, 2", "")
    assert (received.body, received.body_length) == (body, len(body))
    assert received.body_sha256 == hashlib.sha256(body).hexdigest()
    assert (received.answered_status, received.closed_early) == (200, False)
    assert received.closed_at is not None
    assert received.closed_at >= received.started_at


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/prefix/openai/deployments/east/embeddings?api-version=1", "/prefix"),
        ("/a/b/openai/deployments/east/embeddings?api-version=1", "/a/b"),
        ("/api/v1/openai/deployments/east/embeddings?api-version=1", "/api/v1"),
        ("/prefix/v1/embeddings", "/prefix"),
        ("/v1/embeddings", ""),
    ],
)
async def test_a_prefix_is_accepted_and_recorded(simulator: Simulator, client: Any, path: str, prefix: str) -> None:
    async with client.post(path, {"model": "east", "input": "text"}) as answer:
        assert answer.status == 200
    assert [received.prefix for received in simulator.received("east")] == [prefix]


async def test_the_deployment_is_the_azure_name_or_else_the_model(simulator: Simulator, client: Any) -> None:
    body = {"model": "other", "input": "text"}
    for path in ("/openai/deployments/east/embeddings?api-version=1", "/v1/embeddings"):
        async with client.post(path, body) as answer:
            assert (await answer.json())["model"] == ("east" if "east" in path else "other")
    assert [received.deployment for received in simulator.received()] == ["east", "other"]


async def test_large_bodies_are_kept_as_hash_and_length(simulator: Simulator, client: Any) -> None:
    for size in (KEPT_BODY_BYTES, KEPT_BODY_BYTES + 1):
        body = json.dumps({"model": "east", "input": ""}).encode().ljust(size)
        async with client.session.post(f"{client.url}/v1/embeddings", data=body, headers={"api-key": "any"}) as answer:
            assert answer.status == 200
        received = simulator.received("east")[-1]
        assert (received.body_length, received.body_sha256) == (size, hashlib.sha256(body).hexdigest())
        assert (received.body is None) == (size > KEPT_BODY_BYTES)
        assert (received.to_json()["body"] is None) == (size > KEPT_BODY_BYTES)


def test_the_oldest_records_go_first() -> None:
    records = Records()
    for number in range(KEPT_RECORDS + 5):
        records.add(Received("GET", f"/{number}", "", [], 0.0))
    kept = records.select()
    assert (len(kept), kept[0].path) == (KEPT_RECORDS, "/5")


def test_a_body_that_is_no_text_is_shown_as_null() -> None:
    received = Received("POST", "/", "", [], 0.0)
    received.feed(b"\xff\xfe")
    received.complete()
    assert received.to_json()["body"] is None
    assert received.body == b"\xff\xfe"


async def test_a_client_that_leaves_during_its_upload_is_recorded(
    simulator: Simulator, bare: Any, eventually: Any
) -> None:
    _, writer = await bare.connect()
    writer.write(b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
    await eventually(lambda: bool(simulator.received()))
    writer.close()
    (received,) = simulator.received()
    await eventually(lambda: received.closed_early)
    assert (received.body_length, received.body, received.answered_status) == (4, None, None)


async def test_a_client_that_leaves_before_the_first_byte_is_recorded(
    simulator: Simulator, bare: Any, eventually: Any
) -> None:
    simulator.script("east", Script(latency_ms=60_000))
    _, writer = await bare.connect()
    writer.write(bare.request("/v1/embeddings", b'{"model": "east", "input": ""}'))
    await eventually(lambda: bool(simulator.received("east")))
    writer.close()
    (received,) = simulator.received("east")
    await eventually(lambda: received.closed_early)


async def test_reset_forgets_scripts_and_records(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(status=500))
    async with client.chat("east") as answer:
        assert answer.status == 500
    simulator.reset()
    assert simulator.received() == []
    async with client.chat("east") as answer:
        assert answer.status == 200


async def test_without_recording_nothing_is_kept(client: Any) -> None:
    async with Simulator(record=False) as silent:
        async with client.session.get(f"{silent.url}/v1/models", headers={"api-key": "any"}) as answer:
            assert answer.status == 200
        assert silent.received() == []
