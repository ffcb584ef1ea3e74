"""The upstream session against servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.upstream.request_head import Address, header_lines
from gateway.upstream.session import ConnectionFailed, UpstreamSession

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
async def session():
    made = UpstreamSession(connect_seconds=1)
    yield made
    await made.close()


@contextlib.asynccontextmanager
async def server(serve_connection):
    """A raw server; its address and how many connections it got."""
    connections = []

    async def serve(reader, writer):
        connections.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve_connection(reader, writer, len(connections))
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield Address.parse(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/x"), connections
        for writer in connections:
            writer.close()


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


async def whole(answer):
    parts = []
    while chunk := await answer.chunk():
        parts.append(chunk)
    answer.close()
    return b"".join(parts)


async def test_connections_are_kept_and_used_again(session):
    async def serve(reader, writer, number):
        while True:
            await read_request(reader)
            writer.write(ANSWER)

    async with server(serve) as (url, connections):
        for _ in range(3):
            assert await whole(await session.send("POST", url, b"", b"{}")) == b"ok"
    assert len(connections) == 1


async def test_a_kept_connection_that_the_upstream_closed_is_nobodys_failure(session):
    async def serve(reader, writer, number):
        await read_request(reader)
        writer.write(ANSWER)
        if number == 1:
            await read_request(reader)
            return
        await asyncio.sleep(1)

    async with server(serve) as (url, connections):
        for _ in range(2):
            assert await whole(await session.send("POST", url, b"", b"{}")) == b"ok"
    assert len(connections) == 2


async def test_a_fresh_connection_that_breaks_is_a_failure_and_not_tried_again(session):
    async def serve(reader, writer, number):
        await read_request(reader)

    async with server(serve) as (url, connections):
        with pytest.raises(ConnectionFailed, match="connection failed"):
            await session.send("POST", url, b"", b"{}")
    assert len(connections) == 1


async def test_a_second_break_after_a_kept_one_is_a_failure(session):
    async def serve(reader, writer, number):
        await read_request(reader)
        if number == 1:
            writer.write(ANSWER)
            await read_request(reader)

    async with server(serve) as (url, connections):
        await whole(await session.send("POST", url, b"", b"{}"))
        with pytest.raises(ConnectionFailed):
            await session.send("POST", url, b"", b"{}")
    assert len(connections) == 2


async def test_a_refused_connection_is_told_without_secrets(session):
    with pytest.raises(ConnectionFailed, match=r"can't connect to 127\.0\.0\.1:1"):
        await session.send(
            "POST", Address.parse("http://127.0.0.1:1/x?api-version=secret"), header_lines([("api-key", "secret")]), b""
        )


async def test_a_large_body_is_sent_in_pieces_with_its_length(session):
    body = b"0123456789" * 200_000
    seen = []

    async def serve(reader, writer, number):
        seen.append(await read_request(reader))
        writer.write(ANSWER)

    async with server(serve) as (url, _):
        await whole(await session.send("POST", url, header_lines([("content-type", "application/json")]), body))
    head, received = seen[0]
    assert received == body
    assert b"transfer-encoding" not in head.lower()
    assert head.lower().count(b"content-length") == 1


async def test_only_the_headers_that_were_given_are_sent(session):
    seen = []

    async def serve(reader, writer, number):
        seen.append(await read_request(reader))
        writer.write(ANSWER)

    async with server(serve) as (url, _):
        await whole(await session.send("POST", url, header_lines([("api-key", "k")]), b"{}"))
    names = {line.split(b":")[0].lower() for line in seen[0][0].split(b"\r\n")[1:] if line}
    assert names == {b"host", b"api-key", b"content-length"}


async def test_redirects_are_not_followed(session):
    async def serve(reader, writer, number):
        await read_request(reader)
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")

    async with server(serve) as (url, _):
        answer = await session.send("POST", url, b"", b"{}")
        assert answer.status == 302
        answer.close()


@pytest.mark.parametrize(
    ("head", "delimited"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nshort", False),
    ],
)
async def test_a_cut_shows_where_the_end_can_be_told(session, head, delimited):
    async def serve(reader, writer, number):
        await read_request(reader)
        writer.write(head)

    async with server(serve) as (url, _):
        answer = await session.send("POST", url, b"", b"{}")
        assert answer.delimited is delimited
        if delimited:
            with pytest.raises(ConnectionFailed):
                await whole(answer)
            answer.close()
        else:
            assert await whole(answer) == b"short"


async def test_an_answer_that_is_given_up_closes_its_connection(session):
    closed = asyncio.Event()

    async def serve(reader, writer, number):
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        assert await reader.read() == b""
        closed.set()

    async with server(serve) as (url, _):
        answer = await session.send("POST", url, b"", b"{}")
        assert await answer.chunk() == b"a"
        answer.close()
        await asyncio.wait_for(closed.wait(), 0.2)
