"""Calls are spread, failures hidden, waits true."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import openai
import pytest

from simulator.script import Script

MESSAGES = [{"role": "user", "content": "ping"}]


async def test_three_hundred_calls_over_three_equal_deployments_are_a_hundred_each(product, client):
    await product.register("east", "north", "west")
    gate = asyncio.Semaphore(8)

    async def one(number):
        async with gate:
            await client.chat.completions.create(model=f"model-{number % 5}", messages=MESSAGES)

    await asyncio.gather(*(one(number) for number in range(300)))
    assert Counter(each.deployment for each in product.simulator.received()) == {"east": 100, "north": 100, "west": 100}


async def test_deployments_restricted_to_models_serve_only_theirs(product, client):
    await product.register("pool")
    await product.register("only", models=("gpt-4o",))
    for model in ("gpt-4o", "other", "gpt-4o", "other"):
        await client.chat.completions.create(model=model, messages=MESSAGES)
    assert [each.deployment for each in product.simulator.received()] == ["only", "pool", "only", "pool"]


@pytest.mark.parametrize("stream", [False, True])
async def test_two_failing_of_three_lose_no_call_and_the_throttled_one_is_left_alone(product, client, stream):
    await product.register("throttled", "healthy")
    await product.register("refusing", endpoint_url="http://127.0.0.1:1")
    product.simulator.script("throttled", Script(status=429, headers={"retry-after-ms": "2500"}))
    began = time.monotonic()
    gate = asyncio.Semaphore(8)

    async def one():
        async with gate:
            answer = await client.chat.completions.create(model="m", messages=MESSAGES, stream=stream)
            if stream:
                assert [chunk async for chunk in answer]

    await asyncio.gather(*(one() for _ in range(200)))
    took = time.monotonic() - began
    throttled = sorted(each.started_at for each in product.simulator.received("throttled"))
    burst = [at for at in throttled if at - throttled[0] < 0.2]
    assert all(at - throttled[0] >= 2.5 for at in throttled[len(burst) :])
    assert len(burst) <= 8
    assert took < 20
    assert len(product.simulator.received("healthy")) == 200


async def test_all_three_cooling_raises_rate_limit_error_with_the_soonest_true_wait(product, client):
    await product.register("east", "north", "west")
    for name, seconds in (("east", 30), ("north", 4), ("west", 60)):
        product.simulator.script(name, Script(status=429, headers={"retry-after": str(seconds)}))
    for _ in range(2):
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="m", messages=MESSAGES)
        assert abs(float(caught.value.response.headers["retry-after"]) - 4) <= 1
    assert caught.value.code == "rate_limit_exceeded"
    assert len(product.simulator.received()) == 3


async def test_a_wrong_key_upstream_is_the_pools_fault(product, client, caplog):
    await product.register("east")
    product.simulator.script("east", Script(key="another"))
    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(model="m", messages=MESSAGES)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_authentication_failed")
    assert "openai-chat/east" in caplog.text


async def test_a_deployment_that_is_gone_for_a_moment_comes_back(product, client):
    await product.register("east")
    product.simulator.script("east", Script(status=500, times=1), Script())
    with pytest.raises(openai.InternalServerError):
        await client.chat.completions.create(model="m", messages=MESSAGES)
    await client.chat.completions.create(model="m", messages=MESSAGES)
