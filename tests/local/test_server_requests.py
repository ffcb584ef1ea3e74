"""Requests as the server takes them in, byte by byte on a real socket."""

from __future__ import annotations

import asyncio

import pytest

from tests.local.server_socket import answer_to, answering, connected, get
from tests.server import serving


async def test_pipelined_requests_are_answered_in_their_order():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await answering(scope["path"].encode())(scope, receive, send)

    paths = [b"/%d" % number for number in range(10)]
    async with connected(app) as (reader, writer):
        writer.write(b"".join(get(path=path) for path in paths))
        for path in paths:
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(path)) == path


async def echo(scope, receive, send):
    """Says what it was asked, and how long the body was."""
    if scope["type"] != "http":
        return
    size, parts, more = 0, 0, True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        size, parts, more = size + len(message["body"]), parts + 1, message["more_body"]
    told = [scope["method"], scope["path"], scope["raw_path"].decode(), scope["query_string"].decode()]
    told += [scope["http_version"], str(size)]
    await answering(" ".join(told).encode())(scope, receive, send)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (b"/v1/chat", "/v1/chat /v1/chat "),
        (b"/a?b=c&d=e", "/a /a b=c&d=e"),
        (b"/a?b=%20", "/a /a b=%20"),
        (b"/a%20b", "/a b /a%20b "),
        (b"/?", "/ / "),
        (b"//a", "//a //a "),
        (b"http://x/a?b", "/a /a b"),
    ],
)
async def test_a_target_is_taken_apart(target, told):
    _, body = await answer_to(echo, get(path=target))
    assert body.decode() == f"GET {told} 1.1 0"


async def test_an_old_client_is_answered_and_let_go():
    head, body = await answer_to(echo, b"GET /old HTTP/1.0\r\n\r\n")
    assert b"connection: close" in head.split(b"\r\n")
    assert body == b"GET /old /old  1.0 0"


async def test_a_body_comes_in_chunks_or_by_its_length():
    post = b"POST / HTTP/1.1\r\nhost: x\r\n"
    for sent in (
        b"content-length: 5\r\n\r\nhello",
        b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ):
        _, body = await answer_to(echo, post + sent)
        assert body == b"POST / /  1.1 5"


async def test_a_large_body_is_taken_in_as_fast_as_the_app_takes_it():
    size = 8 * 1024 * 1024
    async with connected(echo) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
        said = b"POST / /  1.1 %d" % size
        assert await reader.readexactly(len(said)) == said


async def test_a_caller_that_waits_to_be_told_so_is_told_to_go_on():
    async with connected(echo) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\na b: c\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_and_the_connection_ended(raw):
    head, _ = await answer_to(echo, raw)
    assert head.startswith(b"HTTP/1.1 400 ")


async def test_an_app_that_waits_learns_that_its_caller_left():
    left = asyncio.Event()

    async def app(scope, receive, send):
        if scope["type"] == "http":
            while (await receive())["type"] != "http.disconnect":
                pass
            left.set()

    async with connected(app) as (_, writer):
        writer.write(get())
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        async with asyncio.timeout(5):
            await left.wait()


async def test_a_connection_that_rests_is_closed_in_its_time_and_one_in_use_is_not():
    async with connected(answering(), keep_alive_seconds=0.5) as (reader, writer):
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() < began + 0.9:
            writer.write(get())
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(5)
            await asyncio.sleep(0.05)
        rested = loop.time()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        assert 0.3 < loop.time() - rested < 5


async def test_many_at_a_time_are_answered_each_with_its_own():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await asyncio.sleep(0)
            await answering(scope["path"].encode())(scope, receive, send)

    async with serving(app) as url:
        port = int(url.rsplit(":", 1)[1])

        async def ask(name):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for number in range(20):
                path = b"/%d-%d" % (name, number)
                writer.write(get(path=path))
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(len(path)) == path
            writer.close()

        await asyncio.gather(*map(ask, range(16)))
