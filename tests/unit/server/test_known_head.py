"""Heads that come again: never read otherwise than a parser would, and known for as long as they are alike."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.asgi import SAME_HEAD
from gateway.server.known_head import KnownHead
from gateway.server.protocol import LESSONS, ONE_OF, LightProtocol
from tests.unit.server.connection import Connection


def post(body: bytes = b"{}", path: bytes = b"/v1", more: bytes = b"", length: bytes | None = None) -> bytes:
    told = b"%d" % len(body) if length is None else length
    return b"POST " + path + b" HTTP/1.1\r\nhost: a\r\nContent-Length: " + told + b"\r\n" + more + b"\r\n" + body


BODIES = st.binary(max_size=12) | st.sampled_from(
    [b"", b"\r\n", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"5\r\nabcde\r\n"]
)
# What a head may say besides, or a request be: in good faith or not.
MORE = st.sampled_from(
    [
        *(b"", b"x: y\r\n", b"connection: close\r\n", b"connection: keep-alive\r\n", b"expect: 100-continue\r\n"),
        *(b"content-length: 2\r\n", b"transfer-encoding: chunked\r\n", b"upgrade: h2c\r\nconnection: upgrade\r\n"),
        *(
            b" folded\r\n",
            b"x: y\n",
            b"content-length : 2\r\n",
            b"x: content-length: 3\r\n",
            b"x:\r\n content-length:2\r\n",
        ),
    ]
)
LENGTHS = st.none() | st.sampled_from(
    [b"", b"0", b"00", b"02", b"2 ", b" 2", b"+2", b"-2", b"2,2", b"0x2", b"2\r", b"9" * 20]
)
OTHERS = st.sampled_from(
    [b"\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"junk\r\n\r\n", b"HEAD /a HTTP/1.1\r\n\r\n"]
)
REQUESTS = st.builds(post, BODIES, st.sampled_from([b"/v1", b"/a%20b", b"/v1?c=d"]), MORE, LENGTHS) | OTHERS
# Mostly the same ones again, for that is what is to be tried.
CONVERSATIONS = st.lists(REQUESTS, min_size=1, max_size=3).flatmap(
    lambda few: st.lists(st.sampled_from(few) | REQUESTS, min_size=2, max_size=9)
)


async def said(protocol: type[HttpToolsProtocol], pieces: list[bytes]) -> Connection:
    connection = Connection(protocol)
    for piece in pieces:
        await connection.feed(piece)
    await connection.end()
    return connection


def assert_alike(pieces: list[bytes]) -> None:
    ours, theirs = (asyncio.run(said(each, pieces)) for each in (LightProtocol, HttpToolsProtocol))
    assert ours.seen == theirs.seen
    assert ours.transport.written == theirs.transport.written
    assert ours.transport.closed == theirs.transport.closed


@given(CONVERSATIONS)
def test_a_conversation_is_understood_as_the_parser_understands_it(pieces: list[bytes]) -> None:
    assert_alike(pieces)


@given(CONVERSATIONS, st.data())
def test_so_it_is_wherever_it_is_cut(requests: list[bytes], data: st.DataObject) -> None:
    everything = b"".join(requests)
    cuts = data.draw(st.lists(st.integers(1, len(everything)), max_size=6))
    edges = [sum(map(len, requests[:number])) for number in range(len(requests) + 1)]
    ends = sorted({*data.draw(st.sets(st.sampled_from(edges))), *cuts, 0, len(everything)})
    assert_alike([everything[start:end] for start, end in pairwise(ends)])


async def test_a_head_that_comes_again_is_known_whatever_its_length() -> None:
    connection = Connection(LightProtocol)
    for body in (b"{}", b"", b"a" * 1000, b"{}"):
        await connection.feed(post(body))
    first, *others = (each.get(SAME_HEAD) for each in connection.extensions)
    assert first is None
    assert all(each is others[0] for each in others) and others[0] == {}
    assert [body for _, body in connection.seen] == [b"{}", b"", b"a" * 1000, b"{}"]


async def test_another_head_is_not_taken_for_a_known_one() -> None:
    connection = Connection(LightProtocol)
    for more in (b"api-key: a\r\n", b"api-key: a\r\n", b"api-key: b\r\n", b"api-key: a\r\n"):
        await connection.feed(post(more=more))
    assert [dict(scope["headers"])[b"api-key"] for scope, _ in connection.seen] == [b"a", b"a", b"b", b"a"]
    assert [SAME_HEAD in each for each in connection.extensions] == [False, True, False, False]


async def test_what_an_app_does_to_a_scope_is_not_there_the_next_time() -> None:
    connection = Connection(LightProtocol)
    for _ in range(3):
        await connection.feed(post())
        connection.seen[-1][0]["headers"].append((b"mine", b""))
        connection.seen[-1][0]["state"]["mine"] = 1
    assert all((b"mine", b"") not in scope["headers"][:-1] for scope, _ in connection.seen)
    assert len(connection.seen[-1][0]["headers"]) == 3


@pytest.mark.parametrize(("again", "known"), [(LESSONS - 1, True), (LESSONS, False)])
async def test_a_connection_whose_heads_differ_is_soon_left_to_the_parser(again: int, known: bool) -> None:
    connection = Connection(LightProtocol)
    for number in range(again):
        await connection.feed(post(more=b"x: %d\r\n" % number))
    for _ in range(2):
        await connection.feed(post())
    assert (SAME_HEAD in connection.extensions[-1]) is known


async def test_such_a_connection_is_tried_again_from_time_to_time() -> None:
    connection = Connection(LightProtocol)
    for number in range(LESSONS):
        await connection.feed(post(more=b"x: %d\r\n" % number))
    for _ in range(ONE_OF + 1):
        await connection.feed(post())
    assert SAME_HEAD in connection.extensions[-1]


async def test_a_request_that_comes_while_one_is_answered_waits_for_its_turn() -> None:
    connection = Connection(LightProtocol)
    for _ in range(2):
        await connection.feed(post())
    connection.go.clear()
    await connection.feed(post(b"one"))
    await connection.feed(post(b"three") + post(b"three+"))
    assert [body for _, body in connection.seen[2:]] == [b"one"]
    connection.go.set()
    await connection.feed(post(b"six"))
    assert [body for _, body in connection.seen[2:]] == [b"one", b"three", b"three+", b"six"]
    assert connection.transport.written.count(b"HTTP/1.1 200 ") == 6


@pytest.mark.parametrize("more", [b"x: y\n", b"transfer-encoding: chunked\r\n", b"expect: 100-continue\r\n"])
async def test_a_head_that_leaves_a_doubt_is_not_remembered(more: bytes) -> None:
    scope = {"headers": [(b"content-length", b"2"), (more.split(b":")[0], b"")]}
    assert KnownHead.of(post(more=more), scope) is None
    assert KnownHead.of(b"GET / HTTP/1.1\r\n\r\n", {"headers": []}) is None
