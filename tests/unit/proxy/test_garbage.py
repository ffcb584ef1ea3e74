"""What a call leaves behind: nothing that only the garbage collector would find."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from gateway.registry.limits import Limits
from tests.builders import deployment, tenant
from tests.fakes.upstream import FakeAnswer, FakeSession, events
from tests.unit.proxy.plane import KEY, Plane

CALLS = 50
LIMITS = Limits(rpm=1000, tpm=10**9)


def plane(answer: object) -> Plane:
    return Plane(FakeSession(east=answer), deployment("east"), caller=tenant(limits=LIMITS))


async def garbage_of(call: Callable[[], Awaitable[object]]) -> int:
    """How many objects a call leaves in cycles, on average."""
    await call()
    gc.collect()
    gc.disable()
    try:
        for _ in range(CALLS):
            await call()
        return gc.collect() // CALLS
    finally:
        gc.enable()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_leaves_nothing_for_the_garbage_collector(stream: bool) -> None:
    made = plane(FakeAnswer())

    async def call() -> None:
        chunks = [b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', b"data: [DONE]\n\n"]
        made.session._scripts["east"] = [events(*chunks) if stream else FakeAnswer(chunks=[b'{"usage":null}'])]
        reply = await made.post(b'{"model":"any","stream":true}' if stream else b'{"model":"any"}')
        assert reply.status == 200

    assert await garbage_of(call) == 0


async def test_a_caller_that_is_refused_leaves_nothing_for_the_garbage_collector() -> None:
    made = plane(FakeAnswer())

    async def call() -> None:
        assert (await made.post(headers={**KEY, "authorization": "Bearer rh-local0-wrong"})).status == 401

    assert await garbage_of(call) == 0


async def test_a_call_that_was_watched_leaves_nothing_for_the_garbage_collector() -> None:
    made = plane(FakeAnswer())
    made.data._attempter.alarms._round_seconds = 0.0005

    async def call() -> None:
        slow = FakeAnswer(chunks=[b'{"usage":null}'])
        slow.whole = lambda: None  # type: ignore[method-assign]
        chunk = slow.chunk

        async def later() -> bytes:
            await asyncio.sleep(0.002)
            return await chunk()

        slow.chunk = later  # type: ignore[method-assign]
        made.session._scripts["east"] = [slow]
        assert (await made.post()).status == 200
        # The fake's own: it holds what holds it.
        del slow.chunk, slow.whole

    assert await garbage_of(call) <= 1
