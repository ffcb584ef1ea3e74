"""Estimates of what streamed by."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai.produced import Produced, estimate
from gateway.openai.tokens import Tokens


def produced(operation, *events):
    said = Produced(operation)
    for event in events:
        said.feed(b"data: " + (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n\n")
    return said.tokens


def delta(**fields):
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}], "usage": None}


@pytest.mark.parametrize(
    ("operation", "event"),
    [
        ("chat", delta(content="twelve chars")),
        ("chat", delta(reasoning_content="twelve chars")),
        ("chat", delta(reasoning="twelve chars")),
        ("chat", delta(tool_calls=[{"function": {"arguments": "twelve chars"}}])),
        ("completion", {"choices": [{"text": "twelve chars"}]}),
        ("response", {"type": "response.output_text.delta", "delta": "twelve chars"}),
        ("response", {"type": "response.reasoning_summary_text.delta", "delta": "twelve chars"}),
        ("audio_transcription", {"type": "transcript.text.delta", "delta": "twelve chars"}),
        ("anthropic", {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "twelve chars"}}),
        ("anthropic", {"type": "content_block_delta", "delta": {"thinking": "twelve chars"}}),
        ("gemini", {"candidates": [{"content": {"parts": [{"text": "twelve chars"}]}}]}),
        ("vertex", {"candidates": [{"content": {"parts": [{"text": "twelve chars"}]}}]}),
        ("bedrock", {"generation": "twelve chars"}),
    ],
)
def test_four_characters_are_a_token(operation, event):
    assert produced(operation, event) == 3


def test_a_piece_is_a_token_however_short():
    assert produced("chat", *[delta(content="a")] * 7) == 7
    assert produced("chat", delta(content=""), delta(role="assistant", content="")) == 0


def test_what_says_everything_once_more_is_not_counted_twice():
    done = {"type": "response.output_text.done", "text": "a long text" * 9}
    assert produced("response", {"delta": "hi"}, done) == 1


def test_operations_that_say_nothing_produce_nothing():
    assert produced("embedding", delta(content="x")) == produced("image_generation", delta(content="x")) == 0


@given(st.lists(st.text(min_size=1), min_size=1))
def test_whatever_is_said_never_looks_like_a_field(texts):
    texts += ['"content":"', '\\"content\\":\\"x\\"', '{"text":"x"}\\']
    events = [delta(content=text) for text in texts]
    written = sum(len(json.dumps(text)) - 2 for text in texts)
    assert produced("chat", *events) == max(len(texts), -(-written // 4))


def test_an_estimate_keeps_what_was_told():
    assert estimate(None, 10, 3) == Tokens(input=10, output=3)
    assert estimate(Tokens(input=7, cached_input=2, output=1), 10, 3) == Tokens(input=7, cached_input=2, output=3)
    assert estimate(Tokens(input=7, output=5), 10, 3) == Tokens(input=7, output=5)
