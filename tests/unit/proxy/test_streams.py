"""Event streams on their way to the caller."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway.upstream.session import ConnectionFailed
from tests.builders import deployment
from tests.fakes.upstream import HANG, FakeAnswer, FakeSession, events
from tests.unit.proxy.plane import Plane

FILTER = b'data: {"choices":[],"prompt_filter_results":[{}]}\n\n'
ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
WORD = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"overloaded","code":"server_error"}}\n\n'


def plane(stream, **settings):
    return Plane(FakeSession(a=stream), deployment("a"), **settings)


def last_event(reply):
    return json.loads(reply.body.rstrip().rsplit(b"data: ", 1)[1])


@pytest.mark.parametrize(
    "chunks",
    [
        [FILTER, ROLE, WORD, DONE],
        [FILTER + ROLE + WORD + DONE],
        [FILTER[:9], FILTER[9:] + ROLE[:5], ROLE[5:], WORD, DONE[:3], DONE[3:]],
        [b": ping\n\n", FILTER, WORD, DONE],
        [WORD, b"data: unfinished"],
        [FILTER],
    ],
)
async def test_a_streams_bytes_pass_unchanged(chunks):
    reply = await plane(events(*chunks)).post()
    assert reply.body == b"".join(chunks)
    assert reply.complete
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.headers["cache-control"] == "no-cache"


async def test_each_whole_event_leaves_when_it_comes():
    reply = await plane(events(FILTER, ROLE, WORD[:10], WORD[10:], DONE)).post()
    assert reply.parts == [FILTER + ROLE + WORD, DONE]


@pytest.mark.parametrize("before", [[], [FILTER], [b": ping\n\n", FILTER], [FILTER[:20], FILTER[20:]], [FILTER, ROLE]])
async def test_an_error_in_band_before_any_content_fails_over(before):
    bad = events(*before, ERROR)
    made = Plane(FakeSession(a=bad, b=events(WORD, DONE)), deployment("a"), deployment("b"))
    reply = await made.post()
    assert (reply.body, reply.headers["x-gateway-deployment"]) == (WORD + DONE, "b")
    assert bad.closed
    assert made.cooldowns.remaining("openai-chat/a") == 10


@pytest.mark.parametrize("opening", [ROLE, FILTER])
async def test_what_opens_a_stream_is_not_held_until_the_content_comes(opening):
    made = plane(events(opening, HANG), keepalive_seconds=0.01, stream_idle_seconds=0.01)
    reply = await made.post()
    assert reply.parts[0] == opening


async def test_a_cut_before_any_content_fails_over():
    bad = events(FILTER, ConnectionFailed("cut"))
    reply = await Plane(FakeSession(a=bad, b=events(WORD, DONE)), deployment("a"), deployment("b")).post()
    assert reply.body == WORD + DONE


async def test_an_error_in_band_that_nobody_can_mend_passes_as_it_is():
    reply = await plane(events(FILTER, ERROR)).post()
    assert (reply.status, reply.body, reply.complete) == (200, FILTER + ERROR, True)


async def test_an_error_in_band_after_content_passes_as_it_is():
    reply = await plane(events(WORD, ERROR)).post()
    assert reply.body == WORD + ERROR


@pytest.mark.parametrize("tail", [b"", b'data: {"choi'])
async def test_an_upstream_cut_mid_stream_ends_with_one_error_event(tail, caplog):
    stream = events(WORD, WORD + tail, ConnectionFailed("cut"))
    made = Plane(FakeSession(a=stream, b=FakeAnswer()), deployment("a"), deployment("b"))
    reply = await made.post()
    assert reply.body.startswith(WORD + WORD + b'data: {"error"')
    assert reply.body.count(b'"error"') == 1
    assert last_event(reply)["error"]["code"] == "upstream_stream_interrupted"
    assert reply.complete
    assert stream.closed
    assert made.cooldowns.remaining("openai-chat/a") == 10
    assert "openai-chat/a: the stream of a chat call broke off" in caplog.text


async def test_a_stream_without_length_that_ends_without_done_was_cut():
    reply = await plane(events(WORD, delimited=False)).post()
    assert last_event(reply)["error"]["code"] == "upstream_stream_interrupted"


async def test_a_stream_without_length_that_ends_with_done_is_whole():
    reply = await plane(events(WORD, DONE, delimited=False)).post()
    assert reply.body == WORD + DONE


async def test_a_stall_gets_comments_and_then_an_error_event():
    reply = await plane(events(WORD, HANG), keepalive_seconds=0.01, stream_idle_seconds=0.025).post()
    assert reply.body.startswith(WORD + b": keep-alive\n\n: keep-alive\n\n" + b'data: {"error"')
    assert "went silent" in last_event(reply)["error"]["message"]


async def test_a_compressed_stream_passes_unread():
    stream = events(b"\x1f\x8b", b"rest")
    stream.headers.append((b"Content-Encoding", b"gzip"))
    reply = await plane(stream).post()
    assert (reply.body, reply.headers["content-encoding"]) == (b"\x1f\x8brest", "gzip")


async def test_a_large_body_passes_as_it_comes_and_ends_short_when_the_upstream_breaks():
    whole = FakeAnswer(chunks=[b"x" * 700_000, b"y" * 700_000, b"z"])
    reply = await plane(whole).post()
    assert (len(reply.body), reply.complete) == (1_400_001, True)
    cut = FakeAnswer(chunks=[b"x" * 1_200_000, ConnectionFailed("cut")])
    reply = await plane(cut).post()
    assert (len(reply.body), reply.complete) == (1_200_000, False)
    assert cut.closed


async def test_a_slow_callers_departure_in_the_last_part_changes_nothing():
    leave = asyncio.Event()
    leave.set()
    made = plane(FakeAnswer())
    reply = await made.post(leave=leave)
    assert made.gone or reply.complete
