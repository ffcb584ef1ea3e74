"""Named endpoints, made by an operator over HTTP and called by the real SDK."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

import aiohttp
import openai
import pytest

from gateway.app import create_app
from gateway.settings import Settings
from gateway.storage.tokens import first_management_token
from simulator.script import Script
from tests.server import ENCRYPTION_KEY, serving

MESSAGES = [{"role": "user", "content": "ping"}]


class Operator:
    """Somebody with the management token and a client of HTTP."""

    def __init__(self, http, url, token):
        self._http = http
        self._url = url + "/api/3.0/mlflow/gateway"
        self._headers = {"authorization": f"Bearer {token}"}

    async def ask(self, method, path, body=None):
        """The JSON of a good answer."""
        async with self._http.request(method, self._url + path, json=body, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def running(self, *models, name="support", endpoint_type="chat", **fields):
        """Make an endpoint of these models and start it."""
        body = {"name": name, "endpoint_type": endpoint_type, "models": list(models), **fields}
        made = (await self.ask("POST", "/endpoints/create", body))["endpoint"]
        await self.ask("POST", f"/endpoints/{made['endpoint_id']}/start")
        return made

    async def stop(self, endpoint):
        await self.ask("POST", f"/endpoints/{endpoint['endpoint_id']}/stop")

    async def status(self, endpoint):
        return await self.ask("GET", f"/endpoints/{endpoint['endpoint_id']}/status")


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def operator(product, http):
    await product.gateway.refresh()
    return Operator(http, product.url, await first_management_token(product.tables))


async def chat(client, model="support", **more):
    """One chat call; the deployment that served it."""
    raw = await client.chat.completions.with_raw_response.create(model=model, messages=MESSAGES, **more)
    return raw.headers["x-gateway-deployment"]


def served(product):
    return Counter(each.deployment for each in product.simulator.received())


async def test_an_endpoint_is_called_by_its_name_and_listed_while_it_runs(product, client, operator):
    await product.register("east", "other")
    endpoint = await operator.running({"deployment": "east"})
    assert [await chat(client) for _ in range(4)] == ["east"] * 4
    stream = await client.chat.completions.create(model="support", messages=MESSAGES, stream=True)
    assert [chunk async for chunk in stream]
    assert served(product) == {"east": 5}
    assert "support" in [each.id async for each in client.models.list()]
    await operator.stop(endpoint)
    assert "support" not in [each.id async for each in client.models.list()]
    with pytest.raises(openai.InternalServerError) as caught:
        await chat(client)
    assert (caught.value.status_code, caught.value.code) == (503, "endpoint_not_running")


async def test_a_thousand_calls_at_seven_to_three_are_exactly_seven_hundred_and_three_hundred(product, http, operator):
    await product.register("east", "west")
    await operator.running({"deployment": "east", "weight": 0.7}, {"deployment": "west", "weight": 0.3})
    gate = asyncio.Semaphore(8)
    call = {"json": {"model": "support", "messages": MESSAGES}, "headers": {"api-key": product.api_key}}

    async def one():
        async with gate, http.post(f"{product.url}/v1/chat/completions", **call) as answer:
            assert answer.status == 200

    await asyncio.gather(*(one() for _ in range(1000)))
    assert served(product) == {"east": 700, "west": 300}


async def test_the_second_tier_serves_only_while_the_first_cools(product, client, operator):
    await product.register("first", "second")
    endpoint = await operator.running({"deployment": "first"}, {"deployment": "second", "priority": 1})
    assert [await chat(client) for _ in range(20)] == ["first"] * 20
    product.simulator.script("first", Script(status=429, headers={"retry-after-ms": "1200"}, times=1), Script())
    began = time.monotonic()
    assert [await chat(client) for _ in range(20)] == ["second"] * 20
    (first, second) = (await operator.status(endpoint))["models"]
    assert 0 < first["cooling_seconds"] <= 1.2 and second["cooling_seconds"] == 0
    while await chat(client) != "first":
        assert time.monotonic() - began < 2.2
        await asyncio.sleep(0.02)
    assert time.monotonic() - began >= 1.2
    assert [await chat(client) for _ in range(20)] == ["first"] * 20


async def test_to_stop_drains_what_is_in_flight_and_refuses_what_is_new(product, client, operator):
    await product.register("east")
    product.simulator.script("east", Script(chunks=20, interval_ms=20))
    endpoint = await operator.running({"deployment": "east"})
    stream = await client.chat.completions.create(model="support", messages=MESSAGES, stream=True)
    chunks = [await anext(stream)]
    assert (await operator.status(endpoint))["in_flight"] == 1
    await operator.stop(endpoint)
    for _ in range(3):
        with pytest.raises(openai.InternalServerError) as caught:
            await chat(client)
        assert (caught.value.status_code, caught.value.code) == (503, "endpoint_not_running")
    chunks += [chunk async for chunk in stream]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    status = await operator.status(endpoint)
    assert (status["status"], status["in_flight"], status["requests"], status["errors"]) == ("stopped", 0, 1, 0)
    await operator.ask("POST", f"/endpoints/{endpoint['endpoint_id']}/start")
    assert await chat(client) == "east"


async def test_litellm_params_are_added_only_where_the_call_leaves_them_out(product, client, operator):
    await product.register("east")
    await operator.running({"deployment": "east", "litellm_params": {"temperature": 0.2, "seed": 7, "stop": ["x"]}})
    await chat(client)
    await chat(client, temperature=0.9, seed=0)
    await chat(client, model="not-the-endpoint")
    sent = [json.loads(each.body) for each in product.simulator.received()]
    defaults = [{name: each.get(name) for name in ("temperature", "seed", "stop")} for each in sent]
    assert defaults == [
        {"temperature": 0.2, "seed": 7, "stop": ["x"]},
        {"temperature": 0.9, "seed": 0, "stop": ["x"]},
        {"temperature": None, "seed": None, "stop": None},
    ]


async def test_a_restart_keeps_endpoints_keys_and_what_they_registered(product, client, operator, http):
    key = await store_key(operator)
    own = {"provider": "openai_compatible", "endpoint_url": f"{product.simulator.url}/v1"}
    await product.register("east")
    before = await operator.running(
        {"deployment": "east", "weight": 0.5},
        {**own, "model_name": "gpt-4", "key_id": key, "weight": 0.5, "litellm_params": {"seed": 7}},
        prompt_affinity=False,
    )
    await product.gateway.close()
    restarted = create_app(Settings(encryption_key=ENCRYPTION_KEY), product.tables)
    async with serving(restarted) as url:
        again = Operator(http, url, await first_management_token(product.tables))
        (after,) = (await again.ask("GET", "/endpoints/list"))["endpoints"]
        assert (after["endpoint_id"], after["models"], after["status"]) == (
            before["endpoint_id"],
            before["models"],
            "running",
        )
        async with openai.AsyncOpenAI(base_url=url + "/v1", api_key=product.api_key, max_retries=0) as fresh:
            names = [await chat(fresh) for _ in range(10)]
    assert Counter(names) == {"east": 5, after["models"][1]["deployment"]: 5}
    received = product.simulator.received("gpt-4")
    assert {each.headers["authorization"] for each in received} == {"Bearer s3cret"}


async def store_key(operator, **fields):
    body = {"name": "compatible", "provider": "openai_compatible", "value": "s3cret", **fields}
    return (await operator.ask("POST", "/keys/create", body))["key"]["key_id"]


async def test_a_model_that_an_endpoint_registered_serves_only_through_it_and_with_the_key_as_it_is_now(
    product, client, operator
):
    key = await store_key(operator)
    endpoint = await operator.running(
        {
            "provider": "openai_compatible",
            "model_name": "gpt-4",
            "key_id": key,
            "endpoint_url": f"{product.simulator.url}/v1",
        }
    )
    (model,) = endpoint["models"]
    assert await chat(client) == model["deployment"]
    for name in ("gpt-4", model["deployment"]):
        with pytest.raises(openai.NotFoundError):
            await chat(client, model=name)
    assert [each.id async for each in client.models.list()] == ["support"]
    await operator.ask("POST", "/keys/rotate", {"key_id": key, "value": "newer"})
    await chat(client)
    sent = [each.headers["authorization"] for each in product.simulator.received("gpt-4")]
    assert sent == ["Bearer s3cret", "Bearer newer"]


async def test_another_operation_than_its_own_is_400_that_says_which_it_serves(product, client, operator):
    await product.register("east", operations=("chat", "embedding"))
    await operator.running({"deployment": "east"})
    with pytest.raises(openai.BadRequestError) as caught:
        await client.embeddings.create(model="support", input="ping")
    assert caught.value.code == "operation_not_supported"
    assert caught.value.body["capability"] == "embedding"
    assert caught.value.body["provider"] == "support"
    assert caught.value.body["message"].endswith("it supports: chat.")
    assert product.simulator.received() == []


async def test_a_spent_minute_fails_over_without_an_error(product, client, operator):
    await product.register("small", rpm=3)
    await product.register("large")
    endpoint = await operator.running({"deployment": "small"}, {"deployment": "large", "priority": 1})
    assert [await chat(client) for _ in range(6)] == ["small"] * 3 + ["large"] * 3
    status = await operator.status(endpoint)
    assert (status["requests"], status["errors"], status["scope"]) == (6, 0, "instance")
    assert status["models"][0]["cooling_seconds"] == 0


async def test_killing_the_larger_of_two_loses_no_call_and_moves_all_traffic(product, client, operator):
    await product.register("east", "west")
    endpoint = await operator.running({"deployment": "east", "weight": 0.7}, {"deployment": "west", "weight": 0.3})
    product.simulator.script("east", Script(refuse=True))
    assert [await chat(client) for _ in range(50)] == ["west"] * 50
    status = await operator.status(endpoint)
    assert (status["requests"], status["error_rate"]) == (50, 0.0)
    assert status["latency_ms"]["p50"] <= status["latency_ms"]["p99"]


async def test_an_endpoint_that_fails_says_so_in_its_status(product, client, operator):
    await product.register("east")
    endpoint = await operator.running({"deployment": "east"})
    await chat(client)
    product.simulator.script("east", Script(status=500))
    for _ in range(3):
        with pytest.raises(openai.InternalServerError):
            await chat(client)
    status = await operator.status(endpoint)
    assert (status["requests"], status["errors"], status["error_rate"]) == (4, 3, 0.75)
