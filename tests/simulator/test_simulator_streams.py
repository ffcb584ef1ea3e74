"""Streams: their chunks, their pace, and each way they can go wrong."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from simulator import Script, Simulator


async def test_azure_chat_streams_come_in_the_real_order(bare: Any) -> None:
    seen = await bare.chat("east", stream=True, stream_options={"include_usage": True})
    assert b"content-type: text/event-stream\r\n" in seen.data
    filters, role, *contents, finish, usage, done = seen.events
    assert (filters["choices"], filters["id"]) == ([], "")
    assert filters["prompt_filter_results"]
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert [chunk["choices"][0]["delta"]["content"] for chunk in contents][:3] == ["Hello", " from", " east"]
    assert {chunk["choices"][0]["finish_reason"] for chunk in contents} == {None}
    assert (finish["choices"][0]["delta"], finish["choices"][0]["finish_reason"]) == ({}, "stop")
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 7)
    assert done == "[DONE]"
    assert len({chunk["id"] for chunk in (role, *contents, finish, usage)}) == 1


async def test_openai_streams_have_no_filter_results_and_usage_only_when_asked_for(client: Any) -> None:
    call = {"model": "east", "messages": [], "stream": True}
    async with client.post("/v1/chat/completions", call) as answer:
        text = await answer.text()
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "filter" not in text
    assert not [event for event in events if "usage" in event]
    assert text.endswith("data: [DONE]\n\n")


async def test_chunks_and_chunk_bytes_shape_the_content(simulator: Simulator, bare: Any) -> None:
    simulator.script("east", Script(chunks=9, chunk_bytes=50))
    seen = await bare.chat("east", stream=True)
    contents = [e["choices"][0]["delta"].get("content") for e in seen.events[2:-2]]
    assert [len(content) for content in contents] == [50] * 9
    assert "word8" in seen.content


async def test_events_keep_their_pace_and_carry_their_time(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(chunks=4, interval_ms=30, stamp=True))
    delays, stamps = [], []
    async with client.chat("east", stream=True) as answer:
        async for line in answer.content:
            if line.startswith(b"data: {"):
                stamps.append(json.loads(line[6:])["sent_at"])
                delays.append(time.monotonic() - stamps[-1])
    assert len(stamps) == 7
    assert all(later - earlier >= 0.029 for earlier, later in pairwise(stamps))
    assert 0 <= min(delays) < 0.02


async def test_without_stamp_no_field_is_added(bare: Any) -> None:
    assert b"sent_at" not in (await bare.chat("east", stream=True)).data


async def test_split_writes_each_event_in_pieces(simulator: Simulator, bare: Any) -> None:
    simulator.script("east", Script(split=7))
    seen = await bare.chat("east", stream=True)
    body = seen.data.partition(b"\r\n\r\n")[2]
    whole, sizes = b"", []
    while body:
        size, _, rest = body.partition(b"\r\n")
        sizes.append(int(size, 16))
        whole, body = whole + rest[: sizes[-1]], rest[sizes[-1] + 2 :]
    assert sizes[:-2].count(7) > 100
    assert max(sizes[:-2]) == 7
    events = [json.loads(each[6:]) for each in whole.decode().split("\n\n")[:-2]]
    assert events[2]["choices"][0]["delta"]["content"] == "Hello"


async def test_a_stream_without_terminator_ends_by_closing(simulator: Simulator, bare: Any, client: Any) -> None:
    simulator.script("east", Script(no_terminator=True))
    seen = await bare.chat("east", stream=True)
    assert b"transfer-encoding" not in seen.data
    assert b"[DONE]" not in seen.data
    assert seen.data.endswith(b"\n\n")
    assert seen.events[-1]["choices"][0]["finish_reason"] == "stop"
    async with client.chat("east", stream=True) as answer:
        assert (await answer.text()).count("data: ") == 9


@pytest.mark.parametrize(("after", "content"), [(0, ""), (1, "Hello"), (3, "Hello from east")])
@pytest.mark.parametrize("cleanly", [False, True])
async def test_a_stream_is_cut_after_so_many_chunks(
    simulator: Simulator, bare: Any, after: int, content: str, cleanly: bool
) -> None:
    simulator.script("east", Script(cut_after=after, cut_cleanly=cleanly))
    seen = await bare.chat("east", stream=True)
    assert seen.data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (seen.content, seen.reset) == (content, not cleanly)
    assert len(seen.events) == (2 + after if after else 0)
    assert not seen.data.endswith(b"0\r\n\r\n")
    (received,) = simulator.received("east")
    assert (received.answered_status, received.closed_early) == (200, False)


async def test_an_http_client_sees_a_cut_as_a_broken_answer(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(cut_after=2), Script(cut_after=2, cut_cleanly=True))
    for _ in range(2):
        with pytest.raises(aiohttp.ClientError):
            async with client.chat("east", stream=True) as answer:
                await answer.read()


async def test_a_cut_stream_without_terminator_looks_whole_to_http(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(cut_after=2, cut_cleanly=True, no_terminator=True))
    async with client.chat("east", stream=True) as answer:
        text = await answer.text()
    assert " from" in text
    assert '"stop"' not in text


@pytest.mark.parametrize(("after", "content"), [(0, ""), (2, "Hello from")])
async def test_an_error_comes_in_band_and_the_answer_ends_well(
    simulator: Simulator, bare: Any, after: int, content: str
) -> None:
    simulator.script("east", Script(error_after=after))
    seen = await bare.chat("east", stream=True)
    *before, error = seen.events
    assert error["error"]["type"] == "server_error"
    assert len(before) == 2 + after
    assert seen.content == content
    assert seen.data.endswith(b"0\r\n\r\n")


async def test_without_opening_the_error_is_the_first_event(simulator: Simulator, bare: Any) -> None:
    simulator.script("east", Script(error_after=0, opening=False))
    (only,) = (await bare.chat("east", stream=True)).events
    assert set(only) == {"error"}


async def test_an_error_in_band_leaves_plain_answers_alone(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(error_after=0))
    async with client.chat("east") as answer:
        assert (await answer.json())["object"] == "chat.completion"


@pytest.mark.parametrize(("after", "events"), [(0, 0), (2, 4)])
async def test_a_stream_falls_silent_until_the_client_leaves(
    simulator: Simulator, bare: Any, eventually: Any, after: int, events: int
) -> None:
    simulator.script("east", Script(stall_after=after))
    body = b'{"messages": [], "stream": true}'
    reader, writer = await bare.connect()
    writer.write(bare.request("/openai/deployments/east/chat/completions?api-version=1", body))
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(events):
        await reader.readuntil(b"\n\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readuntil(b"\n\n"), 0.05)
    (received,) = simulator.received("east")
    assert (received.answered_status, received.closed_at) == (200, None)
    left_at = time.monotonic()
    writer.close()
    await eventually(lambda: received.closed_early)
    assert received.closed_at is not None
    assert 0 <= received.closed_at - left_at < 0.2


async def test_a_slow_reader_holds_a_large_stream_up_instead_of_filling_memory(
    simulator: Simulator, bare: Any, eventually: Any
) -> None:
    simulator.script("east", Script(chunks=1000, chunk_bytes=100_000))
    reader, writer = await bare.connect()
    body = b'{"messages": [], "stream": true}'
    writer.write(bare.request("/openai/deployments/east/chat/completions?api-version=1", body))
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0.1)
    (received,) = simulator.received("east")
    assert received.closed_at is None
    writer.transport.abort()
    await eventually(lambda: received.closed_early)


async def test_a_slow_reader_gets_the_whole_stream_in_the_end(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(chunks=300, chunk_bytes=100_000))
    async with client.chat("east", stream=True) as answer:
        await asyncio.sleep(0.05)
        assert (await answer.text()).endswith("data: [DONE]\n\n")
