"""The connection: keep-alive, framing, large bodies and bad bytes."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from simulator import Script, Simulator
from simulator.record import MAX_BODY_BYTES

EMBEDDINGS = "/v1/embeddings"
BODY = b'{"model": "east", "input": "text"}'


def _statuses(data: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", data)]


async def test_a_connection_is_kept_alive_between_answers_and_streams(simulator: Simulator, client: Any) -> None:
    for stream in (False, True, False, True):
        async with client.chat("east", stream=stream) as answer:
            await answer.read()
    assert simulator.open_connections == 1


async def test_connection_close_is_honoured(simulator: Simulator, bare: Any, eventually: Any) -> None:
    seen = await bare.send(bare.request(EMBEDDINGS, BODY, "connection: close"))
    assert (_statuses(seen.data), seen.reset) == ([200], False)
    await eventually(lambda: simulator.open_connections == 0)


async def test_pipelined_requests_are_answered_in_order(simulator: Simulator, bare: Any) -> None:
    simulator.script("east", Script(latency_ms=30, status=500, times=1))
    two = bare.request(EMBEDDINGS, BODY) + bare.request(EMBEDDINGS, BODY, "connection: close")
    assert _statuses((await bare.send(two)).data) == [500, 200]


async def test_requests_behind_a_cut_are_dropped(simulator: Simulator, bare: Any) -> None:
    simulator.script("east", Script(cut_after=0))
    seen = await bare.send(bare.request(EMBEDDINGS, BODY) * 2)
    assert (_statuses(seen.data), seen.reset) == ([200], True)
    assert [received.closed_early for received in simulator.received()] == [False, True]


async def test_a_request_may_arrive_byte_by_byte(simulator: Simulator, bare: Any) -> None:
    reader, writer = await bare.connect()
    for byte in bare.request(EMBEDDINGS, BODY, "connection: close"):
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    assert _statuses(await reader.read()) == [200]
    writer.close()
    assert simulator.received("east")[0].body == BODY


async def test_a_chunked_request_body_is_read(simulator: Simulator, client: Any) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(BODY), 5):
            yield BODY[start : start + 5]

    headers = {"api-key": "any"}
    async with client.session.post(client.url + EMBEDDINGS, data=pieces(), headers=headers) as answer:
        assert answer.status == 200
    (received,) = simulator.received("east")
    assert (received.body, received.headers["transfer-encoding"]) == (BODY, "chunked")


async def test_expect_100_continue_is_answered(bare: Any) -> None:
    reader, writer = await bare.connect()
    head, _, body = bare.request(EMBEDDINGS, BODY, "expect: 100-continue", "connection: close").partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert _statuses(await reader.read()) == [200]
    writer.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01 hello\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"POST /v1/embeddings HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    ],
)
async def test_bytes_that_are_not_plain_http_are_refused(bare: Any, data: bytes) -> None:
    seen = await bare.send(data)
    assert _statuses(seen.data) == [400]
    assert b"Not HTTP/1.1 as the simulator speaks it" in seen.data


async def test_a_body_of_one_hundred_megabytes_is_hashed_and_one_byte_more_refused(
    simulator: Simulator, client: Any
) -> None:
    for size, status in ((MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)):
        body = BODY.ljust(size)
        path = "/openai/deployments/east/embeddings?api-version=1"
        async with client.session.post(client.url + path, data=io.BytesIO(body), headers={"api-key": "any"}) as answer:
            assert answer.status == status
        received = simulator.received("east")[-1]
        assert (received.body_length, received.body_sha256) == (size, hashlib.sha256(body).hexdigest())


async def test_a_fault_of_the_simulator_itself_is_reported_and_ends_the_connection(
    simulator: Simulator, bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise LookupError("broken")

    reported: list[BaseException] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    monkeypatch.setattr("simulator.connection.deliver", broken)
    simulator.script("east", Script(latency_ms=1))
    seen = await bare.send(bare.request(EMBEDDINGS, BODY))
    assert seen.data == b""
    assert [type(error) for error in reported] == [LookupError]


async def test_stopping_drops_clients_and_unfinished_answers(client: Any) -> None:
    async with Simulator() as other:
        other.script("east", Script(stall_after=1))
        client.url = other.url
        answer = await client.chat("east", stream=True)
        assert other.open_connections == 1
    assert other.open_connections == 0
    answer.close()
    await other.stop()
