"""How gateways failed their users in streams; the numbers are those of the list of published failures."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.openai import sse
from gateway.upstream.session import ConnectionFailed
from simulator.script import Script
from tests.builders import deployment
from tests.failures.conftest import chat, until
from tests.fakes.upstream import FakeSession, events
from tests.server import stack
from tests.unit.proxy.plane import Plane

EVENTS = {"content-type": "text/event-stream"}
FILTER = (
    b'data: {"choices":[],"created":0,"id":"","model":"","object":"",'
    b'"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false}}}]}\n\n'
)
WORD = (
    b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":null,"index":0}],'
    b'"created":1,"id":"chatcmpl-1","model":"m","object":"chat.completion.chunk"}\n\n'
)
# Azure's asynchronous filter speaks of what was said before, in a chunk whose choice has no delta.
LATE_FILTER = (
    b'data: {"choices":[{"content_filter_offsets":{"check_offset":0,"start_offset":0,"end_offset":2},'
    b'"content_filter_results":{"hate":{"filtered":false}},"finish_reason":null,"index":0}],'
    b'"created":0,"id":"","model":"","object":""}\n\n'
)
STOP = WORD.replace(b'{"content":"hi"}', b"{}").replace(b"null", b'"stop"')
USAGE = (
    b'data: {"choices":[],"created":1,"id":"chatcmpl-1","model":"m","object":"chat.completion.chunk","usage":'
    b'{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"prompt_tokens_details":{"cached_tokens":0}}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def play(product, *parts):
    """Let the upstream `east` stream just these bytes."""
    product.simulator.script("east", Script(headers=EVENTS, body=b"".join(parts).decode()))


async def test_01_a_client_that_leaves_before_the_usage_chunk_still_spends_what_it_reserved(product, http):
    """(1) client leaves just before the usage chunk: a free generation"""
    await product.register("east", tpm=1000)
    product.simulator.script("east", Script(chunks=2, stall_after=2), Script())
    answer = await chat(http, product, stream=True, max_tokens=900, stream_options={"include_usage": True})
    await answer.content.readuntil(b'"content":"')
    answer.close()
    await until(lambda: product.simulator.received()[0].closed_early)
    async with chat(http, product, max_tokens=200) as refused:
        assert (refused.status, (await refused.json())["error"]["code"]) == (429, "rate_limit_exceeded")
    assert len(product.simulator.received()) == 1
    async with chat(http, product, max_tokens=10) as served:
        assert served.status == 200


async def test_02_a_client_that_leaves_before_the_first_byte_ends_the_call_upstream_and_starts_no_other(product, http):
    """(2) client leaves before the first byte: the upstream runs on"""
    await product.register("east", "west")
    for name in ("east", "west"):
        product.simulator.script(name, Script(latency_ms=60_000))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await chat(http, product, stream=True)
    await until(lambda: product.simulator.received()[0].closed_early, seconds=0.5)
    await asyncio.sleep(0.05)
    assert len(product.simulator.received()) == 1


@pytest.mark.parametrize("how", [{"cut_after": 2}, {"cut_after": 2, "cut_cleanly": True}, {"no_terminator": True}])
async def test_03_a_truncated_stream_has_no_finish_reason_and_no_done(product, http, how):
    """(3) truncation reported as `finish_reason: "stop"`"""
    await product.register("east")
    product.simulator.script("east", Script(**{"cut_after": 2, "cut_cleanly": True, **how}))
    async with chat(http, product, stream=True) as answer:
        text = await answer.text()
    assert text.count('"content":"') >= 2
    assert '"stop"' not in text and "[DONE]" not in text
    assert text.count("upstream_stream_interrupted") == 1


@pytest.mark.parametrize("cut_after", [0, 1])
async def test_03_a_plain_answer_without_length_that_is_cut_fails_over(product, http, cut_after):
    """(3) truncation reported as `finish_reason: "stop"`"""
    await product.register("east", "west")
    product.simulator.script("east", Script(no_terminator=True, cut_after=cut_after, cut_cleanly=True))
    product.simulator.script("west", Script(no_terminator=True))
    for _ in range(2):
        async with chat(http, product) as answer:
            assert (answer.status, answer.headers["x-gateway-deployment"]) == (200, "west")
            assert (await answer.json())["choices"][0]["finish_reason"] == "stop"


async def test_03_a_done_that_the_answer_only_speaks_of_does_not_hide_a_cut():
    """(3) truncation reported as `finish_reason: "stop"`"""
    spoken = WORD.replace(b'"hi"', b'"it ends with data: [DONE]"')
    reply = await Plane(FakeSession(a=events(spoken, delimited=False)), deployment("a")).post()
    assert b"upstream_stream_interrupted" in reply.body


async def test_03_a_stream_without_length_is_whole_though_the_blank_line_after_done_is_missing():
    """(3) truncation reported as `finish_reason: "stop"`"""
    for stream in ([WORD, STOP, DONE.strip()], [FILTER, DONE.strip() + b"\n"]):
        reply = await Plane(FakeSession(a=events(*stream, delimited=False)), deployment("a")).post()
        assert reply.body == b"".join(stream)


@pytest.mark.parametrize("opening", [b"", FILTER])
async def test_03_a_stream_without_length_that_ends_before_any_content_is_a_failure_and_fails_over(opening):
    """(3) truncation reported as `finish_reason: "stop"`"""
    upstream = FakeSession(a=events(opening, delimited=False), b=events(WORD, STOP, DONE))
    reply = await Plane(upstream, deployment("a"), deployment("b")).post()
    assert reply.body == WORD + STOP + DONE


async def test_04_a_stream_that_breaks_in_its_middle_ends_with_one_error_frame_that_sdks_raise(product, http, client):
    """(4) mid-stream error with no error frame"""
    await product.register("east")
    product.simulator.script("east", Script(cut_after=1, split=3))
    async with chat(http, product, stream=True) as answer:
        last = (await answer.text()).rstrip().split("\n\n")[-1]
    error = json.loads(last.removeprefix("data: "))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    with pytest.raises(openai.APIError, match="broke off"):
        async for _ in await client.chat.completions.create(model="m", messages=[], stream=True):
            pass


@pytest.mark.parametrize("opening", [True, False])
async def test_05_an_error_in_band_under_status_200_before_any_content_fails_over(product, http, opening):
    """(5) HTTP 200 with `data: {"error": …}` in band, before any content (fail over)"""
    await product.register("bad", "good")
    product.simulator.script("bad", Script(error_after=0, opening=opening))
    for _ in range(3):
        async with chat(http, product, stream=True) as answer:
            text = await answer.text()
        assert answer.headers["x-gateway-deployment"] == "good"
        assert '"error"' not in text and text.endswith("data: [DONE]\n\n")
    assert len(product.simulator.received("bad")) == 1


async def test_06_silence_between_two_chunks_has_an_end_and_the_upstream_is_let_go():
    """(6) a stall with no time-out between chunks (8.7 h)"""
    async with stack(stream_idle_seconds=0.1, keepalive_seconds=60) as product, aiohttp.ClientSession() as http:
        await product.register("east")
        product.simulator.script("east", Script(stall_after=1))
        async with asyncio.timeout(2), chat(http, product, stream=True) as answer:
            text = await answer.text()
        assert "went silent" in text.split("\n\n")[-2]
        await until(lambda: product.simulator.received()[0].closed_early)


async def test_07_azures_chunks_without_choices_and_without_delta_pass_as_they_are(product, http, client):
    """(7) Azure's first chunk has `choices: []`, filter chunks have no `delta`"""
    await product.register("east")
    stream = [FILTER, LATE_FILTER, WORD, LATE_FILTER, STOP, DONE]
    play(product, *stream)
    async with chat(http, product, stream=True) as answer:
        assert await answer.read() == b"".join(stream)
    chunks = [chunk async for chunk in await client.chat.completions.create(model="m", messages=[], stream=True)]
    assert [len(chunk.choices) for chunk in chunks] == [0, 1, 1, 1, 1]


async def test_08_cached_tokens_of_zero_are_told_streamed_or_not(product, http, client):
    """(8) `cached_tokens: 0` dropped by a truthiness test"""
    await product.register("east")
    play(product, WORD, STOP, USAGE, DONE)
    async with chat(http, product, stream=True, stream_options={"include_usage": True}) as answer:
        assert await answer.read() == WORD + STOP + USAGE + DONE
    plain = '{"choices":[],"usage":{"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":0}}}'
    product.simulator.script("east", Script(body=plain))
    async with chat(http, product) as answer:
        assert await answer.text() == plain


async def test_09_the_usage_of_a_responses_stream_is_the_upstreams_own(product, client):
    """(9) Responses stream usage all zero"""
    await product.register("east", deployment_class="openai-responses", operations=("response",))
    stream = await client.responses.create(model="m", input="hello there", stream=True)
    told = [event.response.usage async for event in stream if event.type == "response.completed"]
    stored = await client.responses.create(model="m", input="hello there")
    assert told == [stored.usage]
    assert told[0].input_tokens > 0 and told[0].output_tokens > 0
    assert told[0].total_tokens == told[0].input_tokens + told[0].output_tokens
    assert told[0].input_tokens_details.cached_tokens == 0


EVENT = st.sampled_from(
    [b": note", FILTER.strip(), WORD.strip(), b"event: x\ndata: one\ndata: two", "data: é".encode()]
)


@settings(max_examples=80, deadline=None)
@given(st.data(), st.lists(EVENT, max_size=4), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans())
def test_any_split_of_the_bytes_gives_the_caller_the_same_events(data, drawn, newline, delimited):
    whole = [*drawn, WORD.strip(), b"data: [DONE]", *data.draw(st.sampled_from([[], [b": bye"]]))]
    stream = b"".join(event.replace(b"\n", newline) + newline * 2 for event in whole)
    reply = asyncio.run(
        Plane(FakeSession(a=events(*pieces(data, stream), delimited=delimited)), deployment("a")).post()
    )
    assert reply.body == stream
    assert all(sse.complete(part) == len(part) for part in reply.parts), "only whole events leave"


@settings(max_examples=80, deadline=None)
@given(st.data(), st.lists(EVENT, max_size=4))
def test_any_cut_after_content_gives_whole_events_and_one_error(data, drawn):
    stream = b"".join(event + b"\n\n" for event in [WORD.strip(), *drawn])
    cut = data.draw(st.integers(len(WORD), len(stream)))
    upstream = events(*pieces(data, stream[:cut]), ConnectionFailed("cut"))
    reply = asyncio.run(Plane(FakeSession(a=upstream), deployment("a")).post())
    passed = stream[: sse.complete(stream[:cut])]
    assert reply.body.startswith(passed + b'data: {"error"')
    assert len(sse.events(reply.body)) == len(sse.events(passed)) + 1


def pieces(data, stream):
    """The bytes in pieces, cut anywhere."""
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=8))) if len(stream) > 1 else []
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
