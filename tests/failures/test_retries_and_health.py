"""How gateways failed their users when upstreams failed; the numbers are those of the list of published failures."""

from __future__ import annotations

import asyncio
import socket
import struct

import aiohttp
import pytest

from gateway.upstream.session import ConnectionFailed
from simulator.script import Script
from tests.builders import deployment
from tests.failures.conftest import chat, until
from tests.fakes.upstream import HANG, FakeAnswer, FakeSession, events, failing
from tests.server import stack
from tests.unit.proxy.plane import Plane

SIX = ("one", "two", "three", "four", "five", "six")
GOOD = Script()


async def calls_of_a_refused_call(http, product):
    """How many requests reached the upstream for one client call that failed."""
    before = len(product.simulator.received())
    async with chat(http, product) as answer:
        assert answer.status >= 400
        await answer.read()
    return len(product.simulator.received()) - before


@pytest.mark.parametrize("bad", [Script(status=500), Script(status=429), Script(status=401), Script(cut_after=1)])
async def test_18_one_call_is_four_upstream_calls_at_most_however_many_fail(product, http, bad):
    """(18) retry amplification"""
    await product.register(*SIX)
    for name in SIX:
        product.simulator.script(name, bad)
    # Six rest after two calls; a third and a fourth call nobody.
    made = [await calls_of_a_refused_call(http, product) for _ in range(4)]
    assert made == [4, 2, 0, 0]


async def test_18_a_stale_kept_connection_costs_one_call_more_and_no_other_retry_is_added(product, http):
    """(18) retry amplification"""
    await product.register(*SIX)
    async with chat(http, product) as warm:
        await warm.read()
    for name in SIX:
        product.simulator.script(name, Script(refuse=True))
    made = await calls_of_a_refused_call(http, product)
    assert made == 5
    assert len({each.deployment for each in product.simulator.received()[1:]}) == 4


async def test_19_a_second_shorter_rest_does_not_shorten_the_first(product, http):
    """(19) re-cooling shortens"""
    await product.register("east", "west")
    # Two calls are in flight at east: the one that fails first asks for a minute, the later one for 20 ms.
    long = Script(status=429, headers={"retry-after": "60"})
    product.simulator.script("east", long, Script(status=429, headers={"retry-after-ms": "20"}, latency_ms=60))
    product.simulator.script("west", GOOD)

    async def one():
        async with chat(http, product) as answer:
            assert answer.status == 200

    await asyncio.gather(*(one() for _ in range(4)))
    assert len(product.simulator.received("east")) == 2
    await asyncio.sleep(0.05)
    for _ in range(4):
        await one()
    assert len(product.simulator.received("east")) == 2


async def test_20_a_pool_that_rests_is_answered_at_once_with_the_soonest_true_wait(product, http):
    """(20) all cooled: answer at once, with the true wait"""
    await product.register("east", "west")
    product.simulator.script("east", Script(status=429, headers={"retry-after": "100"}))
    product.simulator.script("west", Script(status=503, headers={"retry-after-ms": "300"}), GOOD)
    async with chat(http, product) as answer:
        await answer.read()
    async with asyncio.timeout(0.2), chat(http, product) as answer:
        told = int(answer.headers["retry-after-ms"]) / 1000
        assert (answer.status, (await answer.json())["error"]["type"]) == (429, "rate_limit_error")
    assert len(product.simulator.received()) == 2
    assert 0.2 < told <= 0.8
    await asyncio.sleep(told)
    async with chat(http, product) as answer:
        assert answer.status == 200


async def test_21_callers_who_are_refused_together_are_told_different_waits_and_none_too_short():
    """(21) synchronised retries (add jitter to what is told)"""
    throttled = failing(429, retry_after_ms="2500")
    plane = Plane(FakeSession(a=throttled, b=throttled), deployment("a"), deployment("b"))
    replies = [await plane.post() for _ in range(40)]
    told = [int(reply.headers["retry-after-ms"]) for reply in replies]
    assert len(set(told)) > 20
    assert all(2500 <= wait <= 3001 for wait in told)
    assert all(int(reply.headers["retry-after"]) * 1000 >= 2500 for reply in replies)


async def test_22_an_idle_gateway_calls_no_upstream_even_to_see_whether_it_is_well_again():
    """(22) health probes that cost money"""
    async with (
        stack(refresh_seconds=0.01, cooldown_seconds=0.05) as product,
        aiohttp.ClientSession() as http,
    ):
        await product.register("east", "west")
        assert product.simulator.received() == []
        product.simulator.script("east", Script(status=500))
        async with chat(http, product) as answer:
            await answer.read()
        called = len(product.simulator.received())
        read = product.tables.calls["get"]
        await asyncio.sleep(0.3)
        async with http.get(product.url + "/health/ready") as ready:
            assert ready.status == 200
        assert product.tables.calls["get"] > read + 10, "it did refresh meanwhile"
        assert len(product.simulator.received()) == called


@pytest.mark.parametrize(
    "bad",
    [
        *(failing(status) for status in (301, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504, 529, 599)),
        ConnectionFailed("refused"),
        FakeAnswer(chunks=[b'{"half', ConnectionFailed("cut")]),
        events(b'data: {"error":{"message":"overloaded"}}\n\n'),
        HANG,
    ],
    ids=lambda bad: str(getattr(bad, "status", type(bad).__name__)),
)
async def test_23_every_failure_that_another_deployment_could_mend_falls_back(bad):
    """(23) fallback on some codes only"""
    upstream = FakeSession(a=bad, b=FakeAnswer())
    reply = await Plane(upstream, deployment("a"), deployment("b"), attempt_seconds=0.02).post()
    assert (reply.status, reply.headers["x-gateway-deployment"]) == (200, "b")


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_23_what_no_other_deployment_could_mend_is_told_at_once(status):
    """(23) fallback on some codes only"""
    made = Plane(FakeSession(a=failing(status), b=FakeAnswer()), deployment("a"), deployment("b"))
    reply = await made.post()
    assert (reply.status, len(made.session.sent)) == (status, 1)


@pytest.mark.parametrize("script", [Script(latency_ms=60_000), Script(stall_after=1)])
async def test_24_a_clients_reset_is_not_counted_against_the_upstream(product, http, script):
    """(24) a client's reset counted against the upstream"""
    await product.register("east", "west")
    for name in ("east", "west"):
        product.simulator.script(name, script, GOOD)
    host, port = product.url.removeprefix("http://").split(":")
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"ping"}]}'
    for count in (1, 2):
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\napi-key: {product.api_key}\r\n"
        writer.write(head.encode() + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await until(lambda count=count: len(product.simulator.received()) == count)
        if script.stall_after:
            await reader.readuntil(b'"content":"')
        # With this option a close sends a reset.
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        await until(lambda count=count: product.simulator.received()[count - 1].closed_early)
    assert {each.deployment for each in product.simulator.received()} == {"east", "west"}
    served = set()
    for _ in range(2):
        async with chat(http, product) as answer:
            served.add(answer.headers["x-gateway-deployment"])
    assert served == {"east", "west"}


async def test_25_azures_429_that_names_only_the_reset_of_its_tokens_is_obeyed(product, http):
    """(25) Azure 429 with only `x-ratelimit-reset-tokens`"""
    throttled = failing(429, x_ratelimit_reset_tokens="45", x_ratelimit_remaining_tokens="0")
    made = Plane(FakeSession(a=throttled, b=FakeAnswer()), deployment("a"), deployment("b"))
    for _ in range(4):
        assert (await made.post()).status == 200
    assert [sent.url.host for sent in made.session.sent].count("a.openai.azure.com") == 1
    assert made.cooldowns.remaining("openai-chat/a") == 45
    made.clock.now += 45
    assert {(await made.post()).headers["x-gateway-attempts"] for _ in range(2)} == {"1", "2"}
