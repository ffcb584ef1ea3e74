"""How gateways failed their users in what they keep; the numbers are those of the list of published failures."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from gateway.app import create_app
from gateway.openai.operations import BY_NAME
from gateway.openai.stream_options import ask_usage
from gateway.settings import Settings
from gateway.storage.memory import MemoryTables
from gateway.storage.tokens import first_management_token
from gateway.upstream.google import GoogleTokens
from gateway.upstream.identity import EntraTokens
from gateway.upstream.target import KEPT_ADDRESSES, Call, Targets
from simulator.script import Script
from tests.asgi import call
from tests.builders import SECRET, deployment
from tests.failures.conftest import chat, until
from tests.server import ENCRYPTION_KEY, Stack, serving
from tests.unit.proxy.plane import BODY

KEY = {"api-key": SECRET}
SETTINGS = Settings(encryption_key=ENCRYPTION_KEY)


class SlowTables(MemoryTables):
    """Storage that takes every call and, while `hanging`, answers none."""

    hanging = False

    async def _called(self, method):
        if self.hanging:
            await asyncio.Event().wait()
        await super()._called(method)


async def test_26_storage_that_is_exhausted_never_becomes_a_401(product, http):
    """(26) storage exhaustion answered as 401"""
    await product.register("east")
    token = await first_management_token(product.tables)
    product.tables.available = False
    await product.gateway.refresh()
    async with chat(http, product) as answer:
        assert answer.status == 200
    headers = {"authorization": f"Bearer {token}"}
    async with http.get(product.url + "/api/v1/management/tenants", headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (503, "storage_unavailable")
    fresh = create_app(SETTINGS, product.tables)
    reply = await call(fresh, "POST", "/v1/chat/completions", headers=KEY, body=BODY)
    assert (reply.status, reply.json["error"]["code"]) == (503, "registry_unavailable")
    assert int(reply.headers["retry-after"]) > 0
    await fresh.close()


async def test_27_an_outage_that_is_tolerated_does_not_make_an_instance_unready(product, http):
    """(27) readiness fails during a tolerated outage and every instance is pulled"""
    await product.register("east")
    product.tables.available = False
    for _ in range(3):
        await product.gateway.refresh()
    async with http.get(product.url + "/health/ready") as answer:
        assert (answer.status, (await answer.json())["registry"]["state"]) == (200, "stale")
    async with chat(http, product) as answer:
        assert answer.status == 200


async def test_28_storage_that_hangs_slows_no_call(product, http, monkeypatch):
    """(28) a slow dependency is worse than a dead one"""
    for waiting in ("gateway.usage.recorder.STORAGE_SECONDS", "gateway.usage.pricer.STORAGE_SECONDS"):
        monkeypatch.setattr(waiting, 0.1)
    tables = SlowTables()
    tables._tables = product.tables._tables
    await product.register("east")
    gateway = create_app(Settings(encryption_key=ENCRYPTION_KEY, refresh_seconds=0.01), tables)
    await gateway.refresh()
    tables.hanging = True
    await asyncio.sleep(0.05)
    async with asyncio.timeout(1):
        for _ in range(10):
            assert (await call(gateway, "POST", "/v1/chat/completions", headers=KEY, body=BODY)).status == 200
        assert (await call(gateway, "GET", "/health/ready")).status == 200
    await gateway.close()
    # A process that has never had a registry can serve nothing; it says so soon instead of holding its callers.
    monkeypatch.setattr("gateway.app.FIRST_LOAD_SECONDS", 0.05)
    fresh = create_app(SETTINGS, tables)
    async with asyncio.timeout(1):
        assert (await call(fresh, "POST", "/v1/chat/completions", headers=KEY, body=BODY)).status == 503
    await fresh.close()


async def test_29_instances_agree_after_every_write_and_a_write_of_one_field_keeps_the_others():
    """(29) drift between instances; an update erases file-defined models"""
    tables = MemoryTables()
    one, two = (create_app(Settings(encryption_key=ENCRYPTION_KEY, refresh_seconds=60), tables) for _ in range(2))
    await one.refresh()
    token = {"authorization": f"Bearer {await first_management_token(tables)}", "content-type": "application/json"}

    async def upsert(gateway, **fields):
        body = {"deployment_class": "openai-chat", "friendly_name": "east", **fields}
        reply = await call(gateway, "PATCH", "/api/v1/management/modeldeployment/upsert", headers=token, json_body=body)
        assert reply.status == 200, reply.body

    await upsert(one, deployment_name="gpt", endpoint_key="k", resource_name="r", models=["gpt-4o"], rpm=5, tags={})
    await asyncio.gather(upsert(one, weight=2.5), upsert(two, priority=3), upsert(one, tags={"a": "b"}))
    await asyncio.gather(one.refresh(), two.refresh())
    assert one.registry.snapshot == two.registry.snapshot
    (east,) = two.registry.snapshot.deployments
    assert (east.weight, east.priority, east.tags) == (2.5, 3, {"a": "b"})
    assert (east.models, east.rpm, east.endpoint_key, east.resource_name) == (("gpt-4o",), 5, "k", "r")
    await one.close()
    await two.close()


def test_30_versions_that_callers_make_up_do_not_fill_the_memory():
    """(30) unbounded log or index growth"""
    targets = Targets("2024-10-21", EntraTokens(), GoogleTokens())
    for number in range(KEPT_ADDRESSES + 50):
        made_up = f"{number:04}-01-01"
        url = targets.url(
            deployment(), Call(BY_NAME["chat"], "POST", "chat/completions", "", b"{}", b"", api_version=made_up)
        )
        assert url.target.endswith(f"?api-version={made_up}")
    assert len(targets._addresses) == KEPT_ADDRESSES


async def test_32_a_registry_that_is_swapped_under_load_breaks_no_call_in_flight(product, http):
    """(32) a cache evicts an HTTP client in use"""
    names = ("east", "west", "north")
    await product.register(*names)
    for name in names:
        product.simulator.script(name, Script(chunks=6, interval_ms=10))
    ended = 0

    async def one(number):
        nonlocal ended
        await asyncio.sleep(number % 20 / 100)
        async with chat(http, product, stream=True) as answer:
            text = await answer.text()
        assert text.endswith("data: [DONE]\n\n") and '"error"' not in text
        ended += 1

    calls = [asyncio.create_task(one(number)) for number in range(60)]
    swaps = 0
    while not all(each.done() for each in calls):
        swaps += 1
        name = names[swaps % 3]
        await product.register(name, weight=1.0 + swaps, active=swaps % 2 == 0 or name == "east")
        await asyncio.sleep(0.005)
    await asyncio.gather(*calls)
    assert ended == 60 and swaps > 5


async def test_32_a_gateway_that_shuts_down_ends_the_calls_in_flight_first(product):
    """(32) a cache evicts an HTTP client in use"""
    await product.register("east")
    product.simulator.script("east", Script(chunks=10, interval_ms=20))
    async with aiohttp.ClientSession() as http:
        async with serving(create_app(SETTINGS, product.tables)) as url:
            second = Stack(url, product.gateway, product.simulator, product.tables)
            calls = [asyncio.create_task(read(chat(http, second, stream=True))) for _ in range(5)]
            await until(lambda: len(product.simulator.received()) == 5)
        assert all(each.done() for each in calls)
    for each in calls:
        assert each.result().endswith(b"data: [DONE]\n\n")


async def read(asked):
    async with asked as answer:
        return await answer.read()


async def test_33_many_slow_upstreams_are_waited_for_together(product, http):
    """(33) the event loop blocked"""
    await product.register("east")
    product.simulator.script("east", Script(latency_ms=300))
    began = time.monotonic()
    calls = [asyncio.create_task(read(chat(http, product))) for _ in range(100)]
    async with http.get(product.url + "/health") as answer:
        assert answer.status == 200
    await asyncio.gather(*calls)
    assert time.monotonic() - began < 3


BATCHES = {"deployment_class": "openai-batch", "operations": ("batch", "file"), "provider": "openai_compatible"}
RESPONSES = {"deployment_class": "openai-responses", "operations": ("response",), "provider": "openai_compatible"}


async def test_34_a_file_and_its_batch_stay_where_they_are_also_for_another_instance(product, client):
    """(34) file or batch ids sent to the wrong deployment"""
    for name in ("east", "west", "north"):
        await product.register(name, **{**BATCHES, "endpoint_url": product.simulator.account(name) + "/v1"})
    files = [await client.files.create(file=("in.jsonl", b"{}\n"), purpose="batch") for _ in range(3)]
    assert {each.deployment for each in product.simulator.received()} == {"east", "west", "north"}
    homes = [each.deployment for each in product.simulator.received()]
    async with serving(create_app(SETTINGS, product.tables)) as url:
        another = client.with_options(base_url=url + "/v1")
        for made, home in zip(files, homes, strict=True):
            before = len(product.simulator.received())
            assert (await another.files.retrieve(made.id)).id == made.id
            batch = await another.batches.create(
                input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
            assert (await client.batches.retrieve(batch.id)).input_file_id == made.id
            assert {each.deployment for each in product.simulator.received()[before:]} == {home}


async def test_34_an_unknown_id_is_404_and_no_upstream_is_asked(product, http):
    """(34) an unknown id is 500 instead of 404"""
    await product.register("east", **BATCHES)
    await product.register("west", **RESPONSES)
    for made_up in ("file-1", "batch_1", "resp_1", "x", "a b", "%2e%2e", "file-rh1" + "0" * 28 + "1"):
        for method, path, body in [
            ("GET", f"files/{made_up}", None),
            ("GET", f"files/{made_up}/content", None),
            ("DELETE", f"files/{made_up}", None),
            ("GET", f"batches/{made_up}", None),
            ("POST", f"batches/{made_up}/cancel", None),
            ("GET", f"responses/{made_up}", None),
            ("DELETE", f"responses/{made_up}", None),
            ("POST", "batches", {"input_file_id": made_up, "endpoint": "/v1/chat/completions"}),
            ("POST", "responses", {"model": "m", "input": "hi", "previous_response_id": made_up}),
        ]:
            async with http.request(method, f"{product.url}/v1/{path}", json=body, headers=KEY) as answer:
                assert answer.status == 404, (method, path)
                assert (await answer.json())["error"]["type"] == "invalid_request_error"
    assert product.simulator.received() == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "gpt","messages":[],  "stream":true}',
        b'{"stream":true,"stream_options":null,"model":"gpt","messages":[{"role":"user","content":"\\u00e9"}],"n":1.0}',
        b'\n{"messages":[],"model":"a","model":"gpt","user":"u","metadata":{"model":"x"}}\n',
    ],
)
async def test_35_nothing_is_added_to_a_body_on_its_way_to_azure_but_the_wish_for_a_streams_usage(product, http, body):
    """(35) a field added by the gateway that the upstream rejects"""
    await product.register("bad", "good")
    streams = b'"stream":true' in body
    for path, sent in (
        ("/v1/chat/completions", ask_usage(body) if streams else body),
        ("/openai/deployments/gpt/chat/completions?api-version=2023-05-15", body),
    ):
        product.simulator.script("bad", Script(status=500))
        for _ in range(2):
            async with http.post(product.url + path, data=body, headers=KEY) as answer:
                assert answer.status == 200
                await answer.read()
        received = product.simulator.received()
        assert "good" in {each.deployment for each in received} <= {"bad", "good"}
        assert {each.body for each in received} == {sent}
        product.simulator.reset()


async def test_35_a_deployment_that_rejects_the_wish_for_usage_is_asked_without_it(product, http):
    """(35) a field added by the gateway that the upstream rejects"""
    await product.register("east")
    refusal = '{"error":{"message":"Unrecognized request argument supplied: stream_options"}}'
    product.simulator.script("east", Script(status=400, body=refusal), Script())
    async with chat(http, product, stream=True) as answer:
        assert answer.status == 200 and (await answer.text()).endswith("data: [DONE]\n\n")
    asked, asked_again = product.simulator.received()
    assert b"stream_options" in asked.body and b"stream_options" not in asked_again.body
