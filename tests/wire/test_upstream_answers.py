"""Answers as upstreams send them, well or badly formed."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from gateway.upstream.session import ConnectionFailed
from tests.wire.hostile import OK, saying, serving, whole

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def ask(session, server, method="POST"):
    answer = await session.send(method, server.address, b"", b"{}")
    return answer, await whole(answer)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
async def test_every_framing_is_read_and_leaves_the_connection_in_order_however_it_is_cut(session, piece):
    answers = [
        (OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (CHUNKED + b"2\r\nok\r\n3;a=b\r\n...\r\n0\r\nx-trailer: 1\r\n\r\n", b"ok..."),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", b"ok"),
    ]

    async def serve(server, reader, writer):
        for raw, _ in answers:
            await server.request(reader)
            for start in range(0, len(raw), piece):
                writer.write(raw[start : start + piece])
                await asyncio.sleep(0)
        await reader.read()

    async with serving(serve) as server:
        for raw, body in answers:
            answer, received = await ask(session, server)
            assert received == body, raw
            assert answer.delimited
            assert answer.status >= 200 and not answer.header(b"link")
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nokGARBAGE",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        OK + OK,
        OK + b"\x16\x03\x01",
        CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + b"HTTP/1.1 500 Mine\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nshort",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nshort",
        b"HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n",
    ],
)
async def test_a_connection_that_may_hold_more_than_the_answer_is_not_used_again(session, raw):
    async with serving(saying(raw, OK)) as server:
        _, body = await ask(session, server)
        assert body in (b"ok", b"")
        assert (await ask(session, server))[1] == b"ok"
        assert len(server.connections) == 2


async def test_an_answer_to_head_has_no_body_whatever_it_says(session):
    for raw in (b"content-length: 500\r\n", b"transfer-encoding: chunked\r\n", b""):
        async with serving(saying(b"HTTP/1.1 200 OK\r\n" + raw + b"\r\n", OK)) as server:
            answer = await session.send("HEAD", server.address, b"", b"")
            assert (answer.status, await whole(answer), answer.delimited) == (200, b"", True)
            assert (await ask(session, server))[1] == b"ok"
            assert len(server.connections) == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"not http at all\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: a\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\nb: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000,
        b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n" * 4000,
    ],
    ids=lambda raw: repr(raw[:60]),
)
async def test_what_is_no_answer_fails_and_closes_the_connection(session, raw):
    closed = asyncio.Event()

    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(raw)
        try:
            assert await reader.read() == b""
        finally:
            closed.set()

    async with serving(serve) as server:
        with pytest.raises(ConnectionFailed, match="connection failed"):
            await session.send("POST", server.address, b"", b"{}")
        await asyncio.wait_for(closed.wait(), 1)
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    "raw",
    [
        CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nok\r\nno number\r\n",
        CHUNKED + b"2\r\nok\r\n-1\r\n",
        CHUNKED + b"2\r\nok\r\nfffffffffffffffff\r\n",
        CHUNKED + b"2\r\nok\r\n1;" + b"x" * 200_000,
        CHUNKED + b"2\r\nok\r\n0\r\n" + b"x-trailer: y\r\n" * 20_000,
    ],
    ids=lambda raw: repr(raw[50:90]),
)
async def test_a_body_that_goes_wrong_is_a_failure(session, raw):
    async with serving(saying(raw)) as server:
        with pytest.raises(ConnectionFailed, match="connection failed"):
            await ask(session, server)


@pytest.mark.parametrize(
    ("raw", "delimited"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", True),
        (CHUNKED + b"5\r\nshort\r\n", True),
        (CHUNKED + b"9\r\nshort", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nshort", False),
        (b"HTTP/1.1 200 OK\r\n\r\nshort", False),
    ],
)
async def test_a_cut_shows_where_the_end_can_be_told(session, raw, delimited):
    async with serving(saying(raw, close=True)) as server:
        answer = await session.send("POST", server.address, b"", b"{}")
        assert answer.delimited is delimited
        if delimited:
            with pytest.raises(ConnectionFailed, match="closed by the upstream"):
                await whole(answer)
            assert answer.taken == 5
        else:
            assert await whole(answer) == b"short"


async def test_a_reset_in_a_body_that_ends_with_the_connection_is_no_end(session):
    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nshort")
        await asyncio.sleep(0.05)
        # Closing with a linger of zero seconds resets.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with serving(serve) as server:
        answer = await session.send("POST", server.address, b"", b"{}")
        assert await answer.chunk() == b"short"
        with pytest.raises(ConnectionFailed, match="ConnectionResetError"):
            await answer.chunk()
        answer.close()


async def test_headers_come_as_they_were_sent_and_are_found_by_their_names(session):
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: text/\xe9\r\nX-A: 1\r\nx-a: 2\r\nempty:\r\ncontent-length: 0\r\n\r\n"
    async with serving(saying(raw)) as server:
        answer, _ = await ask(session, server)
    pairs = [(b"Content-Type", b"text/\xe9"), (b"X-A", b"1"), (b"x-a", b"2"), (b"empty", b"")]
    assert answer.headers == [*pairs, (b"content-length", b"0")]
    assert [answer.header(name) for name in (b"content-type", b"x-a", b"empty", b"gone")] == [
        "text/é".encode("latin-1"),
        *(b"1", b"", b""),
    ]
