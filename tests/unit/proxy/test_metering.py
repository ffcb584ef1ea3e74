"""What is recorded of a call: once, whatever becomes of it, and how far its numbers can be trusted."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway.openai.tokens import Tokens
from tests.builders import deployment, endpoint, member
from tests.fakes.upstream import HANG, FakeAnswer, FakeSession, events, failing
from tests.unit.proxy.plane import Plane

USED = b'"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}'
WHOLE = b'{"id":"c","model":"gpt-4o-2024-08-06","choices":[{"message":{"content":"hello"}}],' + USED + b"}"
STREAM = b'{"model":"any","stream":true,"messages":[]}'


def chunk(content, **more):
    return (
        b"data: "
        + json.dumps({"model": "gpt-4o", "choices": [{"delta": {"content": content}}], **more}).encode()
        + b"\n\n"
    )


LAST = b'data: {"choices":[],' + USED + b"}\n\n"
DONE = b"data: [DONE]\n\n"


def answering(*chunks, **options):
    return FakeAnswer(200, [(b"Content-Type", b"application/json")], list(chunks), **options)


async def test_a_whole_answer_is_measured():
    plane = Plane(FakeSession(east=answering(WHOLE)), deployment("east"))
    reply = await plane.post()
    (call,) = plane.records
    assert reply.body == WHOLE
    assert call.tokens == Tokens(input=5, output=7) and call.measured
    assert (call.status, call.attempts, call.streamed, call.operation) == (200, 1, False, "chat")
    assert (call.model, call.deployment, call.provider) == ("any", "openai-chat/east", "azure")
    assert (call.tenant_id, call.key_id, call.request_id) == ("local", "local0", "request-1")
    assert call.known_as == ("east-gpt", "gpt-4o-2024-08-06")
    assert call.latency_ms >= call.first_byte_ms >= 0
    assert call.endpoint is None


async def test_an_answer_without_usage_is_estimated():
    plane = Plane(FakeSession(east=answering(b'{"choices":[]}' + b" " * 26)), deployment("east"))
    await plane.post(b'{"messages":"%s"}' % (b"x" * 385))
    (call,) = plane.records
    assert call.tokens == Tokens(input=100, output=10) and not call.measured


async def test_an_answer_too_long_to_be_held_is_measured_as_it_passes():
    long = [b'{"data":[{"embedding":"' + b"A" * 1_200_000, b'"}],"usage":{"prompt_tokens":9,"total_tokens":9}}']
    plane = Plane(FakeSession(east=answering(*long)), deployment("east", operations=("embedding",)))
    reply = await plane.post(b'{"model":"any","input":"x"}', "/v1/embeddings")
    assert reply.body == b"".join(long)
    assert plane.records[0].tokens == Tokens(input=9) and plane.records[0].measured


async def test_a_streams_usage_is_asked_for_and_withheld():
    sent = [chunk("hello", usage=None), LAST, DONE]
    plane = Plane(FakeSession(east=events(*sent)), deployment("east"))
    reply = await plane.post(STREAM)
    assert json.loads(plane.session.sent[0].body)["stream_options"] == {"include_usage": True}
    assert reply.body == chunk("hello") + DONE
    (call,) = plane.records
    assert call.tokens == Tokens(input=5, output=7) and call.measured and call.streamed


async def test_a_caller_that_asked_for_usage_gets_the_stream_as_it_came():
    sent = [chunk("hello", usage=None), LAST, DONE]
    body = b'{"model":"any","stream":true,"stream_options":{"include_usage":true},"messages":[]}'
    plane = Plane(FakeSession(east=events(*sent)), deployment("east"))
    assert (await plane.post(body)).body == b"".join(sent)
    assert plane.records[0].tokens.total == 12


async def test_an_upstream_that_does_not_know_stream_options_is_asked_without_and_remembered():
    refusal = FakeAnswer(400, [], [b'{"error":{"message":"Unrecognized request argument: stream_options"}}'])
    plane = Plane(FakeSession(east=[refusal, events(chunk("hi"), DONE)]), deployment("east"))
    assert (await plane.post(STREAM)).status == 200
    assert [b"stream_options" in each.body for each in plane.session.sent] == [True, False]
    assert refusal.closed
    plane.session._scripts["east"] = [events(chunk("hi"), DONE)]
    await plane.post(STREAM)
    assert plane.session.sent[-1].body == STREAM
    assert [call.attempts for call in plane.records] == [1, 1]
    assert not plane.records[0].measured


async def test_a_callers_own_mistake_is_not_asked_again():
    plane = Plane(FakeSession(east=failing(400)), deployment("east"))
    assert (await plane.post(STREAM)).status == 400
    assert len(plane.session.sent) == 1
    (call,) = plane.records
    assert (call.status, call.tokens, call.measured) == (400, Tokens(), True)


async def test_a_call_that_failed_over_is_recorded_once_with_who_answered():
    session = FakeSession(east=failing(500), west=answering(WHOLE))
    plane = Plane(session, deployment("east"), deployment("west"))
    await plane.post()
    (call,) = plane.records
    assert (call.deployment, call.attempts, call.tokens.total) == ("openai-chat/west", 2, 12)


@pytest.mark.parametrize("usage_came", [False, True])
async def test_a_client_that_leaves_around_the_usage_chunk_is_billed(usage_came):
    leave = asyncio.Event()
    chunks = [chunk("one "), chunk("two "), *([LAST] if usage_came else []), HANG]
    plane = Plane(FakeSession(east=events(*chunks)), deployment("east"))
    asyncio.get_running_loop().call_later(0.02, leave.set)
    await plane.post(STREAM, leave=leave)
    (call,) = plane.records
    assert plane.gone and call.status == 499
    assert call.measured is usage_came
    assert call.tokens.output == 7 if usage_came else call.tokens.output >= 2


async def test_a_client_that_leaves_before_the_first_byte_is_billed_what_was_read():
    leave = asyncio.Event()
    plane = Plane(FakeSession(east=HANG), deployment("east"))
    asyncio.get_running_loop().call_later(0.02, leave.set)
    await plane.post(b'{"messages":"%s"}' % (b"x" * 385), leave=leave)
    (call,) = plane.records
    assert (call.status, call.tokens, call.measured, call.first_byte_ms) == (499, Tokens(input=100), False, None)


async def test_a_stream_that_breaks_off_is_recorded_as_such():
    plane = Plane(FakeSession(east=events(chunk("one"), chunk("two"), delimited=False)), deployment("east"))
    await plane.post(STREAM)
    (call,) = plane.records
    assert call.status == 0 and not call.measured and call.tokens.output >= 2


async def test_calls_that_were_refused_are_recorded_without_tokens():
    plane = Plane(FakeSession(), deployment("east", models=("gpt-4o",)))
    assert (await plane.post()).status == 404
    (call,) = plane.records
    assert (call.status, call.attempts, call.deployment, call.known_as) == (404, 0, None, ())


async def test_a_call_through_an_endpoint_has_its_name():
    group = endpoint("support", member("east"))
    plane = Plane(FakeSession(east=answering(WHOLE)), deployment("east"), endpoints=[group])
    await plane.post(b'{"model":"support","messages":[]}')
    assert plane.records[0].endpoint == "support"


async def test_counting_tokens_and_reading_a_response_again_use_none():
    native = deployment("east", provider="anthropic", endpoint_url="https://east.test", operations=("anthropic",))
    plane = Plane(FakeSession(east=answering(b'{"input_tokens":14}')), native)
    await plane.post(b'{"model":"m"}', "/api/v1/passthrough/anthropic/v1/messages/count_tokens")
    assert plane.records[0].tokens == Tokens() and plane.records[0].measured


async def test_speech_is_counted_by_its_characters():
    sound = FakeAnswer(200, [(b"Content-Type", b"audio/mpeg")], [b"\x00" * 100])
    plane = Plane(FakeSession(east=sound), deployment("east", operations=("audio_speech",)))
    await plane.post(b'{"model":"tts","input":"hello","voice":"alloy"}', "/v1/audio/speech")
    assert plane.records[0].tokens == Tokens(characters=5)
