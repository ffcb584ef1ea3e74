"""Requests as they are sent: small and large, to upstreams that read slowly, or not at all."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.upstream.request_head import header_lines
from gateway.upstream.session import ConnectionFailed
from gateway.upstream.spool import PIECE, Spool, SpooledBody
from tests.wire.hostile import OK, forever, saying, serving, soon, whole

REFUSAL = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nlarge"
LARGE = b"0123456789" * 2_000_000


def spooled(threshold):
    spool = Spool(threshold)
    spool.write(LARGE)
    return spool


async def narrow(server, reader, writer):
    """Take a little of the request's body and wait: more than a few MB are not buffered on the way."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    await reader.readuntil(b"\r\n\r\n")


async def test_only_the_headers_that_were_given_are_sent_after_host_and_before_the_length(session):
    async with serving(forever) as server:
        await whole(await session.send("POST", server.address, header_lines([("Api-Key", "k"), ("x", "é")]), b"{}"))
        await whole(await session.send("DELETE", server.address, b"", b""))
        await whole(await session.send("PUT", server.address, b"", b""))
    host = b"host: 127.0.0.1:%d\r\n" % server.address.port
    assert [head for head, _ in server.requests] == [
        b"POST /x HTTP/1.1\r\n" + host + b"Api-Key: k\r\nx: \xe9\r\ncontent-length: 2\r\n\r\n",
        b"DELETE /x HTTP/1.1\r\n" + host + b"\r\n",
        b"PUT /x HTTP/1.1\r\n" + host + b"content-length: 0\r\n\r\n",
    ]


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, PIECE, PIECE + 1, len(LARGE)])
async def test_a_body_of_any_size_arrives_with_its_length(session, size):
    async with serving(forever) as server:
        for _ in range(2):
            await whole(await session.send("POST", server.address, b"", LARGE[:size]))
        assert [body for _, body in server.requests] == [LARGE[:size]] * 2
        assert len(server.connections) == 1
    assert all(head.count(b"content-length: %d\r\n" % size) == 1 for head, _ in server.requests)


@pytest.mark.parametrize("threshold", [0, 10**9])
async def test_a_spooled_body_arrives_as_it_was_edited_and_again_after_a_break(session, threshold):
    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(OK)
        if len(server.connections) == 1:
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(PIECE)
        else:
            await reader.read()

    spool = spooled(threshold)
    body = SpooledBody(spool, 5, 9, b"edited")
    async with serving(serve) as server:
        for _ in range(2):
            assert await whole(await session.send("POST", server.address, b"", body)) == b"ok"
        assert [body for _, body in server.requests] == [LARGE[:5] + b"edited" + LARGE[9:]] * 2
        assert len(server.connections) == 2
    spool.close()


async def test_a_large_body_waits_for_an_upstream_that_reads_slowly(session):
    async def serve(server, reader, writer):
        await narrow(server, reader, writer)
        await asyncio.sleep(5)

    async with serving(serve) as server:
        sending = asyncio.create_task(session.send("POST", server.address, b"", LARGE))
        await soon(lambda: server.connections)
        await asyncio.sleep(0.1)
        (connection,) = session._pool._open
        assert not connection._writable
        assert connection._transport.get_write_buffer_size() <= 2 * PIECE
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


@pytest.mark.parametrize("body", [LARGE, "spooled"], ids=["bytes", "spooled"])
@pytest.mark.parametrize("close", [False, True])
async def test_a_refusal_is_read_while_the_body_is_still_on_its_way(session, body, close):
    async def serve(server, reader, writer):
        if len(server.connections) > 1:
            await forever(server, reader, writer)
        await narrow(server, reader, writer)
        writer.write(REFUSAL)
        await writer.drain()
        if not close:
            await asyncio.sleep(5)

    spool = spooled(0)
    async with serving(serve) as server:
        sent = SpooledBody(spool) if body == "spooled" else body
        async with asyncio.timeout(2):
            answer = await session.send("POST", server.address, b"", sent)
            assert (answer.status, await whole(answer)) == (413, b"large")
            # The rest of the body is still due there, so that connection is of no more use.
            assert await whole(await session.send("POST", server.address, b"", b"{}")) == b"ok"
        assert len(server.connections) == 2
    spool.close()


async def test_an_upstream_that_answers_while_it_reads_gets_all_of_the_body(session):
    received = []

    async def serve(server, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n")
        await asyncio.sleep(0.05)
        received.append(await reader.readexactly(len(LARGE)))
        writer.write(b"0\r\n\r\n")
        await reader.read()

    async with serving(serve) as server:
        assert await whole(await session.send("POST", server.address, b"", LARGE)) == b"hi"
        assert received == [LARGE]
        assert len(session._pool._idle[server.address.origin]) == 1


async def test_an_upstream_that_closes_in_the_middle_of_the_body_is_a_failure(session):
    async def serve(server, reader, writer):
        await reader.readexactly(PIECE)

    async with serving(serve) as server:
        with pytest.raises(ConnectionFailed, match="connection failed"):
            await session.send("POST", server.address, b"", LARGE)
        assert len(server.connections) == 1


async def test_a_body_that_turns_out_shorter_than_it_said_fails_and_closes(session, monkeypatch):
    async def nothing(self, at, size):
        return b""

    monkeypatch.setattr(Spool, "read", nothing)
    spool = spooled(0)
    async with serving(saying()) as server:
        with pytest.raises(ConnectionFailed, match="not as long"):
            await session.send("POST", server.address, b"", SpooledBody(spool))
        await soon(lambda: not session._pool._open)
    spool.close()


async def test_redirects_are_not_followed(session):
    raw = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with serving(saying(raw)) as server:
        answer = await session.send("POST", server.address, b"", b"{}")
        assert (answer.status, answer.header(b"location")) == (302, b"http://127.0.0.1:1/")
        answer.close()
