"""Streams on a real wire: pace, departures, cuts."""

from __future__ import annotations

import asyncio
import json
import statistics
import time

import aiohttp
import openai
import pytest

from simulator.script import Script

MESSAGES = [{"role": "user", "content": "ping"}]


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


def post(http, product):
    body = json.dumps({"model": "m", "messages": MESSAGES, "stream": True})
    return http.post(product.url + "/v1/chat/completions", data=body, headers={"api-key": product.api_key})


async def until(condition, seconds=2.0):
    """Wait for a condition; how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


async def test_the_first_chunk_leaves_within_ten_milliseconds_of_the_upstreams(product, http):
    await product.register("east")
    product.simulator.script("east", Script(stamp=True, chunks=3, interval_ms=20))
    delays = []
    for _ in range(21):
        async with post(http, product) as answer:
            async for line in answer.content:
                if line.startswith(b"data: {") and b'"choices":[{' in line.replace(b" ", b"").replace(b"data:", b"", 1):
                    delays.append(time.monotonic() - json.loads(line[6:])["sent_at"])
                    break
    assert statistics.median(delays) < 0.010


async def test_chunks_arrive_as_they_are_sent(product, http):
    await product.register("east")
    product.simulator.script("east", Script(stamp=True, chunks=5, interval_ms=50))
    delays = []
    async with post(http, product) as answer:
        async for line in answer.content:
            if line.startswith(b"data: {"):
                delays.append(time.monotonic() - json.loads(line[6:])["sent_at"])
    assert len(delays) >= 7
    assert statistics.median(delays[1:]) < 0.025


async def test_a_client_that_leaves_mid_stream_closes_the_upstream_and_cools_nothing(product, http):
    await product.register("east", "west")
    for name in ("east", "west"):
        product.simulator.script(name, Script(chunks=200, interval_ms=50))
    answer = await post(http, product)
    await answer.content.readany()
    answer.close()
    assert await until(lambda: product.simulator.received()[0].closed_early) < 0.2
    async with post(http, product) as again:
        first = product.simulator.received()[0].deployment
        assert again.headers["x-gateway-deployment"] != first
    async with post(http, product) as third:
        assert third.headers["x-gateway-deployment"] == first


async def test_a_client_that_leaves_before_the_first_byte_closes_the_upstream(product, http):
    await product.register("east")
    product.simulator.script("east", Script(latency_ms=5000), Script())
    calling = asyncio.create_task(post(http, product).__aenter__())
    await until(lambda: bool(product.simulator.received()))
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert await until(lambda: product.simulator.received()[0].closed_early) < 0.2
    async with post(http, product) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "script", [Script(cut_after=2), Script(cut_after=2, split=7), Script(no_terminator=True, cut_after=2)]
)
async def test_an_upstream_cut_mid_stream_raises_the_sdks_api_error(product, client, script):
    await product.register("east")
    product.simulator.script("east", script)
    chunks = []
    with pytest.raises(openai.APIError) as caught:
        async for chunk in await client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
            chunks.append(chunk)
    assert caught.value.code == "upstream_stream_interrupted"
    assert chunks


async def test_an_error_in_band_before_any_content_fails_over(product, client):
    await product.register("bad", "good")
    product.simulator.script("bad", Script(error_after=0))
    for _ in range(4):
        stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        assert "good" in "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])


async def test_split_events_are_relayed_whole_and_unchanged(product, http):
    await product.register("east")
    product.simulator.script("east", Script(split=5))
    async with post(http, product) as answer:
        text = await answer.text()
    events = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    assert all(json.loads(event)["choices"] is not None for event in events[:-1])


async def test_a_stall_ends_with_an_error_event(http):
    from tests.server import stack

    async with stack(keepalive_seconds=0.05, stream_idle_seconds=0.2) as product:
        await product.register("east")
        product.simulator.script("east", Script(stall_after=1))
        async with post(http, product) as answer:
            text = await answer.text()
    assert ": keep-alive" in text
    assert "went silent" in text
