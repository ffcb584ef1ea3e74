"""Event streams, as far as a relay understands them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import StreamInterrupted
from gateway.openai import sse
from gateway.openai.sse import Kind


@pytest.mark.parametrize(
    ("buffer", "whole"),
    [
        (b"", 0),
        (b"data: a", 0),
        (b"data: a\n", 0),
        (b"data: a\n\n", 9),
        (b"data: a\r\n\r\n", 11),
        (b"data: a\r\rdata", 9),
        (b"data: a\n\ndata: b", 9),
        (b"data: a\r\n\r\ndata: b\r\n", 11),
    ],
)
def test_the_last_whole_event_ends_the_complete_part(buffer, whole):
    assert sse.complete(buffer) == whole


@given(st.lists(st.text(alphabet="abc {}", min_size=1), min_size=1), st.data())
def test_events_survive_any_split(texts, data):
    stream = b"".join(b"data: " + text.encode() + b"\n\n" for text in texts)
    cut = data.draw(st.integers(0, len(stream)))
    end = sse.complete(stream[:cut])
    found = sse.events(stream[:end]) + sse.events(stream[end:])
    assert [sse.data(event).decode() for event in found] == texts


def test_an_events_data_lines_are_joined():
    assert sse.data(b"event: x\ndata: one\ndata:two\nid: 5") == b"one\ntwo"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (b": ping", Kind.PRELUDE),
        (b"event: ping", Kind.PRELUDE),
        (b'data: {"choices":[],"prompt_filter_results":[]}', Kind.OPENING),
        (b'data: {"choices":[],"usage":{"total_tokens":3}}', Kind.CONTENT),
        (b'data: {"choices":[{"delta":{"role":"assistant"}}]}', Kind.OPENING),
        (b'data: {"choices":[{"delta":{"role":"assistant","content":"","refusal":null}}]}', Kind.OPENING),
        (b'data: {"choices":[{"delta":{"role":"assistant","content":"hi"}}]}', Kind.CONTENT),
        (b'data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":"stop"}]}', Kind.CONTENT),
        (b'data: {"choices":[{"delta":{"content":""}}]}', Kind.CONTENT),
        (b'data: {"choices":["odd"]}', Kind.CONTENT),
        (b'data: {"choices":"odd"}', Kind.CONTENT),
        (b'data: {"choices":[{"content_filter_results":{}}]}', Kind.CONTENT),
        (b'data: {"error":{"message":"overloaded"}}', Kind.ERROR),
        (b'event: error\ndata: {"type":"error","error":{"message":"x"}}', Kind.ERROR),
        (b'data: {"error":null,"type":"response.created"}', Kind.CONTENT),
        (b'data: {"choices":[{"delta":{"content":"an \\"error\\" told"}}]}', Kind.CONTENT),
        (b'data: {"choices" broken', Kind.CONTENT),
        (b'data: {"choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Kind.CONTENT),
        (b'data: ["choices"]', Kind.CONTENT),
        (b"data: [DONE]", Kind.CONTENT),
    ],
)
def test_the_kind_of_an_event(event, kind):
    assert sse.kind(event) is kind


ANTHROPICS = {"type": "error", "error": {"type": "api_error", "message": "It broke off."}}
GOOGLES = {"error": {"code": 502, "message": "It broke off.", "status": "UNAVAILABLE"}}


def test_an_error_event_carries_openais_object():
    event = sse.error_event(StreamInterrupted("It broke off."), "chat")
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert json.loads(sse.data(event))["error"]["code"] == "upstream_stream_interrupted"


@pytest.mark.parametrize(("operation", "told"), [("anthropic", ANTHROPICS), ("gemini", GOOGLES), ("vertex", GOOGLES)])
def test_an_error_event_of_a_native_stream_has_its_providers_shape(operation, told):
    event = sse.error_event(StreamInterrupted("It broke off."), operation)
    assert event.startswith(b"event: error\n" if operation == "anthropic" else b"data: {")
    assert json.loads(sse.data(event)) == told
