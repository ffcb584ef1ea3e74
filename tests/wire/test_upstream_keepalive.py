"""Connections that are kept, and those that had better not been."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from gateway.upstream import pool
from gateway.upstream.connection import ONE_WRITE
from gateway.upstream.session import ConnectionFailed
from tests.wire.hostile import OK, forever, saying, serving, soon, whole


async def ask(session, server, body=b"{}"):
    return await whole(await session.send("POST", server.address, b"", body))


async def test_connections_are_kept_and_used_again(session):
    async with serving(forever) as server:
        for _ in range(3):
            assert await ask(session, server) == b"ok"
        assert len(server.connections) == 1


async def test_a_call_on_a_kept_connection_makes_no_task(session):
    seen = []

    async def serve(server, reader, writer):
        while True:
            await server.request(reader)
            seen.append(asyncio.all_tasks())
            writer.write(OK)

    async with serving(serve) as server:
        for _ in range(3):
            await ask(session, server)
    # The test's own, and the server's for its connection.
    assert [len(tasks) for tasks in seen] == [2, 2, 2]


async def test_there_are_as_many_connections_as_calls_and_the_last_used_is_the_next(session):
    ready = asyncio.Event()

    async def serve(server, reader, writer):
        number = len(server.connections)
        while True:
            await server.request(reader)
            await ready.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n%4d" % number)

    async with serving(serve) as server:
        calls = [asyncio.create_task(ask(session, server)) for _ in range(90)]
        await soon(lambda: len(server.requests) == 90)
        ready.set()
        assert len(set(await asyncio.gather(*calls))) == 90
        last = await ask(session, server)
        assert [await ask(session, server) for _ in range(3)] == [last] * 3
        assert len(server.connections) == 90


async def test_each_origin_has_its_own_connections(session):
    async with serving(forever) as one, serving(forever) as two:
        for server in (one, two, one, two):
            await ask(session, server)
        assert len(one.connections) == len(two.connections) == 1


async def test_a_connection_that_the_upstream_closed_is_not_used(session):
    async with serving(saying(OK, close=True)) as server:
        assert await ask(session, server) == b"ok"
        await soon(lambda: not session._pool._open)
        assert not session._pool._idle[server.address.origin]


async def test_a_connection_on_which_something_arrives_unasked_is_closed(session):
    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(OK)
        await asyncio.sleep(0.02)
        writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await reader.read()

    async with serving(serve) as server:
        assert await ask(session, server) == b"ok"
        await soon(lambda: not session._pool._open)
        assert await ask(session, server) == b"ok"
        assert len(server.connections) == 2


@pytest.mark.parametrize("body", [b"{}", b" " * 2 * ONE_WRITE])
@pytest.mark.parametrize("at_once", [0, 1])
@pytest.mark.parametrize("said", [OK, b"", b"noise"])
async def test_what_the_loop_has_not_read_yet_is_seen_before_a_connection_is_used(session, said, at_once, body):
    async with serving(forever) as server:
        assert await ask(session, server) == b"ok"
        session._pool.batch._at_once = at_once
        # Behind the loop's back, and without a turn of it before the next request.
        peer = server.connections[0].get_extra_info("socket")
        with socket.socket(fileno=os.dup(peer.fileno())) as behind:
            behind.send(said) if said else behind.shutdown(socket.SHUT_WR)
            assert await ask(session, server, body) == b"ok"
        assert [len(server.connections), len(server.requests)] == [2, 2]


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("said", [OK, b"", b"noise"])
async def test_what_comes_while_a_request_waits_for_others_is_not_its_answer(session, said, turns):
    async with serving(forever) as server:
        assert await ask(session, server) == b"ok"
        session._pool.batch._at_once = 0
        peer = server.connections[0].get_extra_info("socket")
        call = asyncio.create_task(ask(session, server))
        with socket.socket(fileno=os.dup(peer.fileno())) as behind:
            for _ in range(turns):
                await asyncio.sleep(0)
            behind.send(said) if said else behind.shutdown(socket.SHUT_WR)
            assert await call == b"ok"
        assert [len(server.connections), len(server.requests)] == [2, 2]


@pytest.mark.parametrize("told", [b"timeout=1", b"max=5, Timeout=0"])
async def test_a_peer_that_says_it_will_close_soon_is_not_raced(session, told):
    raw = OK.replace(b"\r\n\r\n", b"\r\nkeep-alive: " + told + b"\r\n\r\n")
    async with serving(saying(raw, raw)) as server:
        for _ in range(2):
            assert await ask(session, server) == b"ok"
        assert len(server.connections) == 2


async def test_a_connection_that_rested_too_long_is_closed(session, monkeypatch):
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(pool, "SWEEP_SECONDS", 0.1)
    async with serving(forever) as server:
        await ask(session, server)
        await soon(lambda: not session._pool._open)
        assert not session._pool._idle


async def test_a_kept_connection_that_breaks_is_nobodys_failure_and_no_other_kept_one_is_tried(session):
    together = asyncio.Event()

    async def serve(server, reader, writer):
        await server.request(reader)
        if len(server.connections) == 3:
            together.set()
        await together.wait()
        writer.write(OK)
        await server.request(reader)

    async with serving(serve) as server:
        await asyncio.gather(*(ask(session, server) for _ in range(3)))
        assert len(session._pool._open) == 3
        # All three are stale; the call meets one of them, and then a new one.
        assert await ask(session, server) == b"ok"
        assert (len(server.connections), len(server.requests)) == (4, 5)


@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-le"])
async def test_a_kept_connection_that_had_begun_to_answer_is_not_retried(session, part):
    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(OK)
        await server.request(reader)
        writer.write(part)

    async with serving(serve) as server:
        await ask(session, server)
        with pytest.raises(ConnectionFailed):
            await ask(session, server)
        assert len(server.requests) == 2


async def test_a_fresh_connection_that_breaks_is_a_failure_and_not_tried_again(session):
    async def serve(server, reader, writer):
        await server.request(reader)

    async with serving(serve) as server:
        with pytest.raises(ConnectionFailed, match="closed by the upstream"):
            await ask(session, server)
        assert len(server.requests) == 1


async def test_a_second_break_after_a_kept_one_is_a_failure(session):
    async def serve(server, reader, writer):
        await server.request(reader)
        if len(server.connections) == 1:
            writer.write(OK)
            await server.request(reader)

    async with serving(serve) as server:
        await ask(session, server)
        with pytest.raises(ConnectionFailed):
            await ask(session, server)
        assert (len(server.connections), len(server.requests)) == (2, 3)


async def test_an_answer_that_came_whole_leaves_its_connection_to_others_at_once(session):
    async with serving(forever) as server:
        first = await session.send("POST", server.address, b"", b"{}")
        assert await ask(session, server) == b"ok"
        assert await whole(first) == b"ok"
        assert len(server.connections) == 1


async def test_a_session_that_is_closed_ends_what_is_under_way(session):
    async with serving(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")) as server:
        answer = await session.send("POST", server.address, b"", b"{}")
        waiting = asyncio.create_task(session.send("POST", server.address, b"", b"{}"))
        await soon(lambda: len(session._pool._open) == 2)
        await asyncio.sleep(0.02)
        await session.close()
        with pytest.raises(ConnectionFailed, match="connection closed"):
            await waiting
        with pytest.raises(ConnectionFailed, match="connection closed"):
            await whole(answer)
