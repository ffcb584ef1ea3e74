"""Answers that are fetched slowly, given up, or waited for in vain."""

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc

import pytest

from gateway.upstream.connection import UNREAD_BYTES
from gateway.upstream.session import ConnectionFailed
from tests.wire.hostile import forever, saying, serving, soon, whole

MEGABYTE = 1024 * 1024
STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"


async def until_closed(server, reader, writer):
    """Begin an answer, and note when the other side ends the connection."""
    await server.request(reader)
    writer.write(STREAM)
    with contextlib.suppress(ConnectionError):
        await reader.read()
    server.requests.append("closed")


async def test_an_upstream_has_to_wait_for_a_consumer_that_fetches_slowly(session):
    total = 48 * MEGABYTE
    written = 0

    async def serve(server, reader, writer):
        nonlocal written
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        piece = bytes(MEGABYTE)
        while written < total:
            writer.write(piece)
            await writer.drain()
            written += len(piece)
        await reader.read()

    async with serving(serve) as server:
        answer = await session.send("GET", server.address, b"", b"")
        await asyncio.sleep(0.2)
        (connection,) = session._pool._open
        assert connection._paused
        # What is here: the bound, and one read more; the rest waits in the system's buffers, or was not written at all.
        assert connection._parser.body_bytes <= UNREAD_BYTES + MEGABYTE
        assert written < total
        tracemalloc.start()
        received = 0
        while chunk := await answer.chunk():
            received += len(chunk)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        answer.close()
        assert received == total
        # The server's own megabytes are in this figure, too.
        assert peak < 8 * MEGABYTE
        assert len(session._pool._idle[server.address.origin]) == 1


async def test_an_answer_that_is_given_up_closes_its_connection(session):
    async with serving(until_closed) as server:
        answer = await session.send("POST", server.address, b"", b"{}")
        assert await answer.chunk() == b"a"
        answer.close()
        await soon(lambda: "closed" in server.requests)
        answer.close()
        with pytest.raises(ConnectionFailed):
            await answer.chunk()


async def test_one_that_is_given_up_while_the_upstream_waits_is_closed_too(session):
    ended = asyncio.Event()

    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(bytes(MEGABYTE))
                await writer.drain()
        ended.set()

    async with serving(serve) as server:
        answer = await session.send("POST", server.address, b"", b"{}")
        await asyncio.sleep(0.1)
        answer.close()
        await asyncio.wait_for(ended.wait(), 1)


async def test_what_came_before_the_upstream_had_to_wait_can_be_fetched_when_the_connection_is_gone(session):
    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(4 * MEGABYTE))
        await reader.read()

    async with serving(serve) as server:
        answer = await session.send("POST", server.address, b"", b"{}")
        await soon(lambda: all(each._paused for each in session._pool._open))
        await session.close()
        assert len(await answer.chunk()) > UNREAD_BYTES
        with pytest.raises(ConnectionFailed, match="connection closed"):
            await answer.chunk()


async def test_a_wait_for_a_chunk_may_end_and_begin_again(session):
    go = asyncio.Event()

    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(STREAM)
        await go.wait()
        writer.write(b"1\r\nb\r\n0\r\n\r\n")
        await reader.read()

    async with serving(serve) as server:
        answer = await session.send("POST", server.address, b"", b"{}")
        assert await answer.chunk() == b"a"
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await answer.chunk()
        go.set()
        assert await whole(answer) == b"b"
        assert len(session._pool._idle[server.address.origin]) == 1


async def test_cancelled_before_the_head_a_call_closes_its_connection_at_once(session):
    async def serve(server, reader, writer):
        await server.request(reader)
        assert await reader.read() == b""
        server.requests.append("closed")

    async with serving(serve) as server:
        call = asyncio.create_task(session.send("POST", server.address, b"", b"{}"))
        await soon(lambda: server.requests)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await soon(lambda: "closed" in server.requests)
        assert not session._pool._open


async def test_cancelled_at_any_moment_a_call_leaves_nothing_behind_and_harms_no_other(session):
    async def one(server):
        answer = await session.send("POST", server.address, b"", b"{}")
        return await whole(answer)

    async with serving(forever) as server:
        for turns in range(40):
            calls = [asyncio.create_task(one(server)) for _ in range(6)]
            for _ in range(turns % 20):
                await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert ended[1::2] == [b"ok"] * 3, ended
            assert all(each == b"ok" or isinstance(each, asyncio.CancelledError) for each in ended[::2]), ended
        # Every connection that is still open waits for the next call.
        await soon(lambda: set(session._pool._idle[server.address.origin]) == session._pool._open)


async def test_a_silent_upstream_is_left_to_the_callers_patience(session):
    async with serving(saying()) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await session.send("POST", server.address, b"", b"{}")
        await soon(lambda: not session._pool._open)
