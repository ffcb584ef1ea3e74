"""What passes through the Functions worker: management, calls, streams, departures."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import time

import pytest

from simulator.record import Received
from simulator.script import Script
from tests.functions.conftest import Product
from tests.functions.harness.host import PLATFORM_HEADERS

CHAT = "/v1/chat/completions"
MEGABYTE = 1024 * 1024
CANCEL_SECONDS = 0.2
INTERVAL_SECONDS = 0.4


def _question(model: str, **fields: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}


async def _closed(received: Received) -> Received:
    """`received` once its exchange is over."""
    async with asyncio.timeout(5):
        while received.closed_at is None:
            await asyncio.sleep(0.005)
    return received


async def _first_received(product: Product, deployment: str) -> Received:
    async with asyncio.timeout(5):
        while not (received := product.simulator.received(deployment)):
            await asyncio.sleep(0.005)
    return received[0]


async def test_an_operator_registers_a_deployment_and_its_key_stays_hidden(product: Product) -> None:
    await product.register("registered")

    listed = await product.manage("GET", "/modeldeployment/list/all")

    assert "registered" in json.dumps(listed)
    assert "endpoint-key-of-registered" not in json.dumps(listed)


async def test_a_management_call_without_a_token_is_refused_by_the_gateway(product: Product) -> None:
    async with product.host.request("GET", "/api/v1/management/modeldeployment/list/all") as response:
        assert response.status == 401
        assert (await response.json())["error"]["code"] == "invalid_management_token"


async def test_a_method_the_gateway_does_not_know_gets_the_gateways_own_answer(product: Product) -> None:
    async with product.host.request("DELETE", "/health") as response:
        assert response.status == 405
        assert "error" in await response.json()


async def test_a_chat_call_is_answered_by_the_deployment(product: Product) -> None:
    await product.register("answers")

    async with product.host.request("POST", CHAT, headers=product.client, json=_question("answers")) as response:
        assert response.status == 200
        assert response.headers["x-gateway-deployment"] == "answers"
        assert (await response.json())["choices"]


async def test_neither_platform_headers_nor_the_callers_key_reach_the_upstream(product: Product) -> None:
    await product.register("discreet")

    async with product.host.request("POST", CHAT, headers=product.client, json=_question("discreet")) as response:
        assert response.status == 200

    (received,) = product.simulator.received("discreet")
    assert not received.headers.keys() & {*PLATFORM_HEADERS, "x-ms-invocation-id", "authorization"}
    assert product.client["authorization"].removeprefix("Bearer ") not in str(received.headers)


async def test_twenty_megabytes_pass_byte_for_byte(product: Product) -> None:
    await product.register("large")
    body = json.dumps(_question("large", picture="a" * 20 * MEGABYTE)).encode()
    headers = {**product.client, "content-type": "application/json"}

    async with product.host.request("POST", CHAT, headers=headers, data=io.BytesIO(body)) as response:
        assert response.status == 200

    (received,) = product.simulator.received("large")
    assert received.body_sha256 == hashlib.sha256(body).hexdigest()


async def test_chunks_of_a_stream_arrive_as_they_are_sent(product: Product) -> None:
    await product.register("streams")
    # Without an opening: the gateway keeps what has no content back, so that it can still fail over.
    script = Script(chunks=4, interval_ms=INTERVAL_SECONDS * 1000, stamp=True, opening=False)
    product.simulator.script("streams", script)
    delays: list[float] = []

    call = product.host.request("POST", CHAT, headers=product.client, json=_question("streams", stream=True))
    async with call as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                delays.append(time.monotonic() - json.loads(line[6:])["sent_at"])

    assert len(delays) >= 4
    # Each is here before the next one leaves, which no buffer on the way would allow.
    assert max(delays) < INTERVAL_SECONDS


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_before_the_first_byte_ends_the_upstream_call(
    product: Product, stream: bool
) -> None:
    name = f"slow-{stream}"
    await product.register(name)
    product.simulator.script(name, Script(latency_ms=30_000))

    async def ask() -> None:
        async with product.host.request(
            "POST", CHAT, headers=product.client, json=_question(name, stream=stream)
        ) as response:
            await response.read()

    call = asyncio.create_task(ask())
    received = await _first_received(product, name)
    left_at = time.monotonic()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)

    assert (await _closed(received)).closed_early
    assert received.closed_at is not None
    assert received.closed_at - left_at < CANCEL_SECONDS


async def test_a_client_that_leaves_a_stream_ends_the_upstream_call_and_cools_nothing(product: Product) -> None:
    await product.register("left")
    product.simulator.script("left", Script(chunks=500, interval_ms=50, times=1), Script())

    call = product.host.request("POST", CHAT, headers=product.client, json=_question("left", stream=True))
    async with call as response:
        await response.content.readline()
        left_at = time.monotonic()
        response.close()

    received = await _closed(product.simulator.received("left")[0])
    assert received.closed_early
    assert received.closed_at is not None
    assert received.closed_at - left_at < CANCEL_SECONDS
    async with product.host.request("POST", CHAT, headers=product.client, json=_question("left")) as response:
        assert response.status == 200
