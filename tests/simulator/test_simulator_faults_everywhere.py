"""Every script field, at each API that has it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from botocore.eventstream import EventStreamBuffer

from simulator import Script, Simulator

TEXT = [{"role": "user", "content": "hi"}]
PARTS = [{"role": "user", "parts": [{"text": "hi"}]}]
BLOCKS = [{"role": "user", "content": [{"text": "hi"}]}]
VERTEX = "/v1/projects/p/locations/l/publishers"
BEARER = {"Authorization": "Bearer right"}
GOOGLE = {"x-goog-api-key": "right"}
ANTHROPIC = {"x-api-key": "right", "anthropic-version": "2023-06-01"}


@dataclass
class Called:
    """One call of one API at the account `east`."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]


STREAMS = {
    "chat": Called("/v1/chat/completions", {"model": "m", "messages": TEXT, "stream": True}, BEARER),
    "completion": Called("/v1/completions", {"model": "m", "prompt": "hi", "stream": True}, BEARER),
    "response": Called("/v1/responses", {"model": "m", "input": "hi", "stream": True}, BEARER),
    "azure response": Called("/openai/responses?api-version=1", {"model": "m", "input": "hi", "stream": True}, BEARER),
    "image": Called("/v1/images/generations", {"model": "m", "prompt": "hi", "stream": True}, BEARER),
    "speech": Called("/v1/audio/speech", {"model": "m", "input": "hi", "voice": "a"}, BEARER),
    "speech events": Called(
        "/v1/audio/speech", {"model": "m", "input": "hi", "voice": "a", "stream_format": "sse"}, BEARER
    ),
    "anthropic": Called(
        "/v1/messages",
        {"model": "m", "max_tokens": 9, "messages": TEXT, "stream": True},
        ANTHROPIC,
    ),
    "gemini": Called(
        "/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": PARTS}, {"x-goog-api-key": "right"}
    ),
    "gemini array": Called("/v1beta/models/m:streamGenerateContent", {"contents": PARTS}, GOOGLE),
    "vertex": Called(f"{VERTEX}/google/models/m:streamGenerateContent?alt=sse", {"contents": PARTS}, BEARER),
    "vertex raw": Called(
        f"{VERTEX}/anthropic/models/m:streamRawPredict",
        {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, "messages": TEXT},
        BEARER,
    ),
    "converse": Called("/model/m/converse-stream", {"messages": BLOCKS}, BEARER),
    "invoke": Called(
        "/model/m/invoke-with-response-stream",
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": TEXT},
        BEARER,
    ),
}
PLAIN = {
    "moderation": Called("/v1/moderations", {"model": "m", "input": "hi"}, BEARER),
    "response": Called("/v1/responses", {"model": "m", "input": "hi"}, BEARER),
    "rerank": Called("/v2/rerank", {"model": "m", "query": "hi", "documents": ["a"]}, BEARER),
    "anthropic": Called(
        "/v1/messages",
        {"model": "m", "max_tokens": 9, "messages": TEXT},
        ANTHROPIC,
    ),
    "gemini": Called("/v1beta/models/m:generateContent", {"contents": PARTS}, GOOGLE),
    "vertex": Called(f"{VERTEX}/google/models/m:generateContent", {"contents": PARTS}, BEARER),
    "converse": Called("/model/m/converse", {"messages": BLOCKS}, BEARER),
    "invoke": Called("/model/m/invoke", {"prompt": "hi"}, BEARER),
}
every_stream = pytest.mark.parametrize("called", STREAMS.values(), ids=STREAMS.keys())
every_call = pytest.mark.parametrize(
    "called", [*STREAMS.values(), *PLAIN.values()], ids=[*(f"{name} stream" for name in STREAMS), *PLAIN]
)


async def send(client: Any, called: Called, **headers: str) -> tuple[int, bytes]:
    options = {"headers": {**called.headers, **headers}}
    async with client.post(f"/accounts/east{called.path}", called.body, **options) as answer:
        return answer.status, await answer.read()


@every_call
async def test_errors_and_retry_headers(simulator: Simulator, client: Any, called: Called) -> None:
    simulator.script("east", Script(status=429, headers={"retry-after-ms": "2500"}))
    options = {"headers": called.headers}
    async with client.post(f"/accounts/east{called.path}", called.body, **options) as answer:
        assert (answer.status, answer.headers["retry-after-ms"]) == (429, "2500")
        assert answer.content_type == "application/json"
        assert not [name for name in answer.headers if "ratelimit" in name.lower()]


@every_call
async def test_keys(simulator: Simulator, client: Any, called: Called) -> None:
    simulator.script("east", Script(key="other"))
    assert (await send(client, called))[0] in (400, 401, 403)
    simulator.script("east", Script(key="right", status=503))
    assert (await send(client, called))[0] == 503


@every_call
async def test_latency_refusal_and_bodies(simulator: Simulator, client: Any, called: Called) -> None:
    simulator.script("east", Script(latency_ms=30, body="raw"), Script(refuse=True))
    start = time.monotonic()
    assert await send(client, called) == (200, b"raw")
    assert time.monotonic() - start >= 0.03
    with pytest.raises(aiohttp.ClientError):
        await send(client, called)


@every_call
async def test_cuts_and_stalls(simulator: Simulator, client: Any, called: Called) -> None:
    chunks = 3 if "images" in called.path else None
    simulator.script("east", Script(cut_after=1, chunks=chunks), Script(stall_after=1, chunks=chunks))
    with pytest.raises(aiohttp.ClientError):
        await send(client, called)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(send(client, called), 0.05)


@every_stream
async def test_splits_and_ends_change_no_byte_of_a_stream(simulator: Simulator, client: Any, called: Called) -> None:
    shape = {"chunks": 3, "chunk_bytes": 40}
    simulator.script("east", Script(**shape), Script(**shape, split=7), Script(**shape, no_terminator=True))
    whole, split, unended = [(await send(client, called))[1] for _ in range(3)]
    assert len(whole) == len(split)
    ends = {"chat": "data: [DONE]\n\n", "completion": "data: [DONE]\n\n", "gemini array": "]"}
    names = [name for name, each in STREAMS.items() if each is called]
    assert len(whole) - len(unended) == len(ends.get(names[0], ""))


@every_stream
async def test_paces(simulator: Simulator, client: Any, called: Called) -> None:
    simulator.script("east", Script(chunks=4, interval_ms=20))
    start = time.monotonic()
    await send(client, called)
    assert time.monotonic() - start >= 0.06


@every_stream
async def test_in_band_errors(simulator: Simulator, client: Any, called: Called) -> None:
    simulator.script("east", Script(error_after=1, chunks=4, chunk_bytes=8), Script(chunks=4, chunk_bytes=8))
    broken, whole = [(await send(client, called))[1] for _ in range(2)]
    if called is STREAMS["speech"]:
        assert broken == whole
    else:
        assert b"rror" in broken or b"xception" in broken
        assert len(broken) < len(whole) + 200
        assert b"[DONE]" not in broken


@every_stream
async def test_stamps(simulator: Simulator, client: Any, called: Called) -> None:
    simulator.script("east", Script(stamp=True, chunks=2, chunk_bytes=8))
    _, data = await send(client, called)
    if called is STREAMS["invoke"]:
        data = b"".join(map(base64.b64decode, re.findall(rb'"bytes":"([^"]+)"', data)))
    assert (b'"sent_at":' in data) == (called is not STREAMS["speech"])


async def test_a_stamp_stands_among_the_fields_of_a_frame(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(stamp=True))
    buffer = EventStreamBuffer()
    buffer.add_data((await send(client, STREAMS["converse"]))[1])
    assert all("sent_at" in json.loads(event.payload) for event in buffer)
