"""The load and the upstream: what they send, what they count, what they do not take for an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from benchmarks import load, streams, workload
from benchmarks.load import Answer, BadAnswer, Call
from benchmarks.upstream import ANSWER, ANSWER_BYTES, PLAIN, Upstream

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@pytest.fixture
async def upstream() -> AsyncIterator[str]:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


def call(upstream: str, body: bytes) -> Call:
    return Call(upstream + "/v1/chat/completions", {"authorization": "Bearer x"}, body)


def test_the_answer_has_the_bytes_that_it_is_said_to_have_and_is_json() -> None:
    assert len(ANSWER) == ANSWER_BYTES == 620
    assert json.loads(ANSWER)["usage"]["total_tokens"] == 73


def test_an_answer_ends_where_it_ends_however_it_comes_in_pieces() -> None:
    for whole in (PLAIN, CHUNKED):
        for size in range(1, len(whole) + 1, 7):
            answer = Answer(least_bytes=5)
            for _ in range(2):  # the connection is kept
                pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
                assert [answer.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def test_an_error_a_short_answer_and_surplus_bytes_are_no_answers() -> None:
    for received in (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", PLAIN + b"x"):
        with pytest.raises(BadAnswer):
            Answer(least_bytes=5).feed(received)
    with pytest.raises(BadAnswer):
        Answer(least_bytes=ANSWER_BYTES + 1).feed(PLAIN)


async def test_a_closed_loop_counts_its_answers_and_their_latencies(upstream: str) -> None:
    sample = await load.run(call(upstream, workload.chat("any")), 4, 0.2, ANSWER_BYTES)
    assert len(sample.latencies) > 20
    assert sample.rps == len(sample.latencies) / sample.seconds
    assert 0 < sample.milliseconds(0.5) <= sample.milliseconds(0.99)


async def test_a_megabyte_is_answered_when_it_is_here_whole(upstream: str) -> None:
    body = workload.large_chat("any")
    assert abs(len(body) - workload.MEGABYTE) < 200
    assert (await load.run(call(upstream, body), 2, 0.1, ANSWER_BYTES)).latencies


async def test_a_stream_has_as_many_chunks_as_it_was_asked_for(upstream: str) -> None:
    sample = await streams.run(call(upstream, workload.stream("any", 7, 0)), 1, 0.1, 9)
    # Seven with content, the one that says why it stopped, and the end.
    assert sample.events == (7 + 2) * len(sample.firsts)


async def test_a_stream_that_lacks_events_is_no_figure(upstream: str) -> None:
    with pytest.raises(BadAnswer, match="a stream of 9 events"):
        await streams.run(call(upstream, workload.stream("any", 7, 0)), 2, 0.1, 10)


async def test_held_streams_are_counted_at_their_pace(upstream: str) -> None:
    ask = call(upstream, workload.stream("any", 1000, 20))
    spent, events = await streams.hold(ask, 10, 0.1, 0.5, lambda: 0.0)
    assert spent == 0
    assert 250 < events < 600  # 500 a second; the machine may be busy


async def test_a_stream_that_ends_too_soon_is_no_figure(upstream: str) -> None:
    with pytest.raises(BadAnswer):
        await streams.hold(call(upstream, workload.stream("any", 3, 0)), 2, 0.05, 0.1, lambda: 0.0)
