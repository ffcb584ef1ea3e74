"""What event streams tell while they pass."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai.operations import OPERATIONS
from gateway.openai.stream_usage import StreamUsage, tells
from gateway.openai.tokens import Tokens

USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
EXTRA = {"choices": [], "usage": USAGE}


def event(payload, end=b"\n\n"):
    return b"data: " + (payload if isinstance(payload, bytes) else json.dumps(payload).encode()) + end


def content(text, **more):
    return {"choices": [{"index": 0, "delta": {"content": text}}], **more}


def fed(operation, *payloads):
    usage = StreamUsage(operation)
    for payload in payloads:
        usage.feed(event(payload))
    return usage


def test_a_chat_tells_in_its_extra_chunk():
    usage = fed("chat", content("hi", usage=None), content("ho", usage=None))
    assert (usage.tokens, usage.produced, usage.estimated(9)) == (None, 2, Tokens(input=9, output=2))
    usage.feed(event(EXTRA) + event(b"[DONE]"))
    assert usage.tokens == Tokens(input=3, output=4)


def test_a_chat_may_tell_beside_its_last_content():
    assert fed("completion", {"choices": [{"text": "x"}], "usage": USAGE}).tokens == Tokens(input=3, output=4)


def test_what_is_said_about_usage_is_not_usage():
    usage = fed("chat", EXTRA, content("usage"), content('"usage":{"prompt_tokens":99}'), {"usage": {}}, b'{"usage":1')
    assert usage.tokens == Tokens(input=3, output=4)


@pytest.mark.parametrize(
    ("whole", "told"),
    [
        (b'data: {"usage":null}', False),
        (b'data: {"usage": null,"a":"usage"}', True),
        (b'data: {"usage":null}\n\ndata: {"usage":{}}', True),
        (b'data: {"a":"\\"usage\\":{}"}', False),
        (b"", False),
    ],
)
def test_a_null_tells_nothing(whole, told):
    assert tells(whole) is told


@given(st.sampled_from([operation.name for operation in OPERATIONS]), st.lists(st.binary()))
def test_no_bytes_raise(operation, chunks):
    usage = StreamUsage(operation)
    for chunk in chunks:
        usage.feed(b'data: {"usage":' + chunk + b'}\n\ndata: {"usageMetadata":' + chunk + b',"finishReason":1}\n\n')
    assert usage.estimated(5) and usage.produced >= 0
    assert usage.tokens is None or usage.tokens.total >= 0


def ended(kind, output=(), **usage):
    return {"type": f"response.{kind}", "response": {"output": list(output), "usage": usage}}


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed"])
def test_a_response_tells_when_it_ends(kind):
    usage = fed("response", {"type": "response.created", "response": {"usage": None}})
    usage.feed(event({"type": "response.in_progress", "response": {"usage": {"input_tokens": 0}}}))
    assert usage.tokens is None
    usage.feed(event(ended(kind, input_tokens=5, output_tokens=6)))
    assert usage.tokens == Tokens(input=5, output=6)


def test_an_all_zero_usage_of_a_response_with_output_is_not_believed():
    zero = {"input_tokens": 0, "output_tokens": 0}
    said = {"type": "response.output_text.delta", "delta": "hello"}
    assert fed("response", said, ended("completed", **zero)).tokens is None
    assert fed("response", ended("completed", [{"type": "message"}], **zero)).tokens is None
    assert fed("response", ended("failed", **zero)).tokens == Tokens()
    assert fed("response", said, ended("completed", input_tokens=1, output_tokens=0)).tokens == Tokens(input=1)


def test_images_tell_when_one_is_complete():
    picture = {
        "type": "image_generation.completed",
        "b64_json": "aGk=",
        "usage": {"input_tokens": 5, "output_tokens": 9},
    }
    usage = fed("image_generation", {"type": "image_generation.partial_image", "b64_json": "aGk="}, picture)
    assert usage.tokens == Tokens(input=5, output=9, image_output=9, images=1)
    usage.feed(event({**picture, "type": "image_edit.completed"}))
    assert usage.tokens.images == 2


def test_sound_tells_when_it_is_done():
    done = {"type": "transcript.text.done", "text": "x", "usage": {"input_tokens": 5, "output_tokens": 6}}
    assert fed("audio_transcription", done).tokens == Tokens(input=5, output=6)
    timed = {"type": "transcript.text.done", "usage": {"type": "duration", "seconds": 7}}
    assert fed("audio_translation", timed).tokens == Tokens(seconds=7.0)
    done = {"type": "speech.audio.done", "usage": {"input_tokens": 5, "output_tokens": 6}}
    assert fed("audio_speech", done).tokens == Tokens(input=5, output=6, audio_output=6)


BEGUN = {
    "type": "message_start",
    "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1}},
}
SAID = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "twelve chars"}}


@pytest.mark.parametrize("operation", ["anthropic", "vertex"])
def test_anthropic_tells_the_input_when_it_begins_and_the_output_when_it_ends(operation):
    usage = fed(operation, BEGUN, SAID)
    # Who leaves here pays for what was told and what was produced.
    assert usage.tokens is None
    assert usage.estimated(99) == Tokens(input=7, cached_input=2, output=3)
    usage.feed(event({"type": "message_delta", "usage": {"output_tokens": 12}}))
    assert usage.tokens == Tokens(input=7, cached_input=2, output=12)


def chunk(text, said=None, **more):
    counts = {"promptTokenCount": 5} | ({} if said is None else {"candidatesTokenCount": said})
    return {"candidates": [{"content": {"parts": [{"text": text}]}, **more}], "usageMetadata": counts}


@pytest.mark.parametrize("operation", ["gemini", "vertex"])
def test_google_tells_sums_with_every_chunk_and_all_with_its_last(operation):
    usage = fed(operation, chunk("twelve chars"), chunk("twelve chars", 1))
    assert usage.tokens is None
    assert usage.estimated(99) == Tokens(input=5, output=6)
    usage.feed(event(chunk("", 40, finishReason="STOP"), b"\r\n\r\n"))
    assert usage.tokens == Tokens(input=5, output=40)
    # Of several events in one buffer the last that can be read counts.
    usage.feed(event(chunk("", 41)) + event(b'{"usageMetadata":[]}') + event(b'{"usageMetadata":'))
    assert usage.tokens == Tokens(input=5, output=41)


def test_an_openai_model_at_vertex_tells_as_openai_does():
    assert fed("vertex", content("hi"), EXTRA).tokens == Tokens(input=3, output=4)


def test_a_stream_that_tells_nothing_is_billed_by_estimate():
    assert fed("gemini").estimated(8) == fed("chat").estimated(8) == Tokens(input=8)
