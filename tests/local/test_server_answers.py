"""The server's own way to send an answer, byte by byte on a real socket."""

from __future__ import annotations

import gc

import pytest

from gateway.asgi import DirectSend
from gateway.server.exchange import KEPT_NAMES, _line_starts, whole_lines
from tests.local.server_socket import PLAIN, answer_to, answering, connected, get


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


async def at_once(scope, receive, send):
    """Answers without a message, where that can be."""
    if scope["type"] == "http":
        assert isinstance(send, DirectSend)
        if not send.whole(200, b"x-a: b\r\nx-c: d\r\n", b"hello"):
            await answering(headers=[(b"x-a", b"b"), (b"x-c", b"d")])(scope, receive, send)


@pytest.mark.parametrize(
    ("request_", "body", "more"),
    [
        (get(), b"hello", None),
        (get(b"HEAD"), b"", None),
        (get(more=b"connection: close\r\n"), b"hello", b"connection: close"),
        (b"GET / HTTP/1.0\r\n\r\n", b"hello", b"connection: close"),
    ],
)
async def test_an_answer_without_a_message_is_like_any_other(request_, body, more):
    head, answered = await answer_to(at_once, request_)
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK" and {b"x-a: b", b"x-c: d", b"content-length: 5"} < set(lines)
    assert sum(line.startswith(b"date: ") for line in lines) == 1
    assert answered == body and (more is None or more in lines)


async def test_a_second_answer_is_refused():
    failures = []

    async def twice(scope, receive, send):
        if scope["type"] == "http":
            await at_once(scope, receive, send)
            for answer in (at_once, answering()):
                with pytest.raises(RuntimeError) as refused:
                    await answer(scope, receive, send)
                failures.append(refused)

    _, body = await answer_to(twice, get())
    assert body == b"hello" and len(failures) == 2


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


async def test_nothing_follows_the_end_of_a_stream():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
            for part, more in ((b"", True), (b"one", True), (b"", False)):
                await send({"type": "http.response.body", "body": part, "more_body": more})
            with pytest.raises(RuntimeError):
                await send({"type": "http.response.body", "body": b"two", "more_body": True})

    _, body = await answer_to(app, get())
    assert body == b"3\r\none\r\n0\r\n\r\n"


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


def test_a_head_may_be_nothing_but_a_length():
    assert whole_lines([(b"content-length", b"0")], 0) == b""


def test_names_that_are_made_up_do_not_fill_the_memory():
    for number in range(2 * KEPT_NAMES):
        whole_lines([(b"x-made-up-%d" % number, b"1"), (b"content-length", b"0")], 0)
    try:
        assert len(_line_starts) == KEPT_NAMES
    finally:
        _line_starts.clear()
