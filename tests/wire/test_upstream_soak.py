"""Many calls at once to an upstream of many bad habits: no call ever gets another one's answer."""

from __future__ import annotations

import asyncio
import random

from gateway.upstream.session import ConnectionFailed
from tests.wire.hostile import serving, soon, whole

CALLS = 600
ALIEN = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nalien"


def framed(body, chance):
    """An answer with this body, in one way or another; whether the connection may go on after it."""
    kind = chance.randrange(7)
    if kind == 0:
        chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in (body[:3], body[3:]))
        return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\nt: v\r\n\r\n", True
    if kind == 1:
        return b"HTTP/1.1 200 OK\r\n\r\n" + body, False
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n" % len(body)
    if kind == 2:
        return b"HTTP/1.1 100 Continue\r\n\r\n" + head + b"\r\n" + body, True
    if kind == 3:
        return head + b"connection: close\r\n\r\n" + body, False
    if kind == 4:
        # Somebody else's answer, right behind ours.
        return head + b"\r\n" + body + ALIEN, True
    return head + b"\r\n" + body, True


async def test_no_call_gets_anothers_answer(session):
    chance = random.Random(20)
    ended = {"answered": 0, "failed": 0, "cancelled": 0}

    async def serve(server, reader, writer):
        while True:
            _, body = await server.request(reader)
            await asyncio.sleep(chance.choice((0, 0, 0.001, 0.005)))
            raw, goes_on = framed(b"answer to " + body[:8], chance)
            if chance.random() < 0.03:
                return
            if writer.transport.is_closing():
                return
            if ALIEN not in raw:
                cut = chance.randrange(len(raw))
                writer.write(raw[:cut])
                raw = raw[cut:]
                await asyncio.sleep(0)
                if chance.random() < 0.03:
                    writer.transport.abort()
            if writer.transport.is_closing():
                return
            writer.write(raw)
            if not goes_on:
                return
            if chance.random() < 0.05:
                await asyncio.sleep(0.001)
                if not writer.transport.is_closing():
                    writer.write(b"noise")

    async def call(server, number):
        await asyncio.sleep(chance.random() * 0.3)
        body = b"%08d" % number + b"x" * chance.choice((0, 10, 100_000))
        try:
            answer = await session.send("POST", server.address, b"", body)
            received = await whole(answer)
        except ConnectionFailed:
            ended["failed"] += 1
            return
        # A body that ends with its connection may be short of its end; it is never another's.
        assert received == b"answer to %08d" % number or (not answer.delimited and body.startswith(received[10:]))
        ended["answered"] += 1

    async with serving(serve) as server:
        calls = [asyncio.create_task(call(server, number)) for number in range(CALLS)]
        while not all(each.done() for each in calls):
            await asyncio.sleep(0.002)
            given_up = chance.choice(calls)
            if chance.random() < 0.3 and given_up.cancel():
                ended["cancelled"] += 1
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert not [each for each in results if isinstance(each, AssertionError)]
        await soon(lambda: session._pool._open == {each for idle in session._pool._idle.values() for each in idle})
    assert ended["answered"] > CALLS / 2
    assert ended["failed"] and ended["cancelled"]
