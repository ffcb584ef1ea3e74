"""The server's own way to send an answer, byte by byte on a real socket."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager

import pytest

from gateway.http_protocol import KEPT_NAMES, _line_starts, whole_head
from gateway.write_batch import FEW
from tests.server import serving

PLAIN = [(b"Content-Type", b"text/plain"), (b"x-tab", b"a\tb")]


def answering(body=b"hello", headers=PLAIN, status=200, told=None):
    """An app that answers all requests so; told: the length that it says."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        length = (b"content-length", b"%d" % (len(body) if told is None else told))
        await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    return app


@asynccontextmanager
async def connected(app, **options):
    async with serving(app, **options) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        try:
            yield reader, writer
        finally:
            writer.close()


def get(method=b"GET", more=b"", path=b"/"):
    return method + b" " + path + b" HTTP/1.1\r\nhost: x\r\n" + more + b"\r\n"


async def answer_to(app, request):
    async with connected(app) as (reader, writer):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        return head, await reader.read()


async def test_a_whole_answer_is_its_head_and_its_body():
    head, body = await answer_to(answering(), get())
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert {b"content-type: text/plain", b"x-tab: a\tb", b"content-length: 5"} < set(lines)
    assert any(line.startswith(b"date: ") for line in lines)
    assert body == b"hello"


@pytest.mark.parametrize(
    "header",
    [
        *((b"x-bad", value) for value in (b"a\r\nx: y", b"a\n", b"\r", b"\0")),
        *((name, b"1") for name in (b"a b", b"a:", b"a\r\nb", b"a\0")),
    ],
)
async def test_a_header_that_is_none_is_not_sent_nor_anything_else(header, caplog):
    async with connected(answering(headers=[*PLAIN, header])) as (reader, writer):
        writer.write(get())
        assert await reader.read() == b""


async def test_an_answer_to_head_has_no_body():
    head, body = await answer_to(answering(b""), get(b"HEAD"))
    assert head.startswith(b"HTTP/1.1 200 ") and body == b""


async def test_a_caller_that_wants_the_connection_closed_is_told_that_it_is():
    head, body = await answer_to(answering(), get(more=b"connection: close\r\n"))
    assert b"connection: close" in head.split(b"\r\n") and body == b"hello"


@pytest.mark.parametrize("told", [4, 6])
async def test_a_body_of_another_length_than_it_was_said_to_have_ends_the_connection(told):
    _, body = await answer_to(answering(told=told), get())
    assert len(body) < 6


async def test_a_stream_goes_out_in_chunks():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
            for part in (b"one", b"two"):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    head, body = await answer_to(app, get())
    assert b"transfer-encoding: chunked" in head.split(b"\r\n")
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


async def test_an_app_that_fails_behind_its_head_is_answered_for():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
            raise RuntimeError("mine")

    head, _ = await answer_to(app, get())
    assert head.startswith(b"HTTP/1.1 500 ")


async def test_an_app_may_think_again_before_its_first_byte():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
            await answering(b"no", status=404)(scope, receive, send)

    head, body = await answer_to(app, get())
    assert (head.split(b" ")[1], body) == (b"404", b"no")


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
    async with connected(answering(), keep_alive_seconds=0.3) as (reader, writer):
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() < began + 0.6:
            writer.write(get())
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(5)
            await asyncio.sleep(0.05)
        rested = loop.time()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        assert 0.2 < loop.time() - rested < 2


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

        await asyncio.gather(*map(ask, range(8 * FEW)))


async def test_an_answer_leaves_nothing_for_the_garbage_collector():
    async with connected(answering()) as (reader, writer):
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                writer.write(get())
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(5)
            assert gc.collect() < 50
        finally:
            gc.enable()


def test_a_head_of_nothing_but_a_length_is_one():
    start = {"status": 204, "headers": [(b"content-length", b"0")]}
    assert whole_head(start, [], 0) == b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"


def test_names_that_are_made_up_do_not_fill_the_memory():
    for number in range(2 * KEPT_NAMES):
        start = {"status": 200, "headers": [(b"x-made-up-%d" % number, b"1"), (b"content-length", b"0")]}
        whole_head(start, [], 0)
    try:
        assert len(_line_starts) == KEPT_NAMES
    finally:
        _line_starts.clear()
