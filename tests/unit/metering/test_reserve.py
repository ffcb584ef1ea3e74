"""What is reserved before a call is made."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.metering.reserve import (
    FORM_MOST,
    IMAGE_TOKENS,
    PAYLOAD_TOKENS,
    most_input,
    reserved_form_tokens,
    reserved_sides,
)
from gateway.openai.operations import OPERATIONS
from gateway.openai.request import JsonCall, read_call


def reserved(operation, **fields):
    body = json.dumps(fields).encode()
    call = read_call(body)
    heard, said = reserved_sides(operation, call, body, call.most_output_tokens(), 500)
    assert heard == most_input(body)
    return said


@pytest.mark.parametrize(
    ("body", "tokens"),
    [(b"", 0), (b"a", 1), (b"abcd", 2), (b"abcde", 3), ("é".encode(), 2), ("aé你".encode(), 6), (b"x" * 999, 500)],
)
def test_two_ascii_bytes_are_a_token_and_so_is_each_other_byte(body, tokens):
    assert most_input(body) == tokens


@given(st.text())
def test_ordinary_text_is_counted_by_its_bytes(text):
    body = json.dumps({"a": text}, ensure_ascii=False).encode()
    beyond = sum(byte > 127 for byte in body)
    assert most_input(body) == -(-(len(body) - beyond) // 2) + beyond


@given(st.lists(st.tuples(st.integers(0, 5000), st.text(alphabet=' "é:,.', min_size=1)), max_size=6), st.booleans())
def test_a_payload_counts_the_same_however_long_it_is(runs, url_safe):
    letter = "_" if url_safe else "/"
    body = "".join(f"{gap}{letter * length}" for length, gap in runs).encode()
    payloads = [length for length, _ in runs if length >= 1000]
    rest = len(body) - sum(payloads)
    beyond = sum(byte > 127 for byte in body)
    assert most_input(body) == -(-(rest - beyond) // 2) + beyond + len(payloads) * PAYLOAD_TOKENS


def test_words_where_a_payload_is_looked_for_are_text():
    assert most_input(b" " * 990 + b"x" * 990 + b" " * 20) == 1000
    assert most_input(b"x" * 999 + b" " + b"x" * 1000) == 500 + PAYLOAD_TOKENS


def test_a_picture_in_a_chat_counts_as_one_however_large():
    picture = base64.b64encode(bytes(range(256)) * 4000).decode()
    for url in (f"data:image/png;base64,{picture}", picture.replace("/", "\\/"), picture.replace("A", "\\r\\n")):
        assert PAYLOAD_TOKENS <= most_input(b'{"url":"%b"}' % url.encode()) <= PAYLOAD_TOKENS + 30


@pytest.mark.parametrize(
    ("operation", "fields", "output"),
    [
        ("chat", {}, 500),
        ("chat", {"max_tokens": 7}, 7),
        ("chat", {"max_tokens": 7, "n": 3}, 21),
        ("chat", {"n": 3, "prompt": ["a", "b"]}, 1500),
        ("completion", {"max_tokens": 7, "best_of": 4, "n": 2}, 28),
        ("completion", {"max_tokens": 7, "prompt": "a"}, 7),
        ("completion", {"max_tokens": 7, "prompt": []}, 7),
        ("completion", {"max_tokens": 7, "prompt": ["a", "b", "c"]}, 21),
        ("completion", {"max_tokens": 7, "prompt": [1, 2, 3]}, 7),
        ("completion", {"max_tokens": 7, "prompt": [[1, 2], [3]]}, 14),
        ("response", {"max_output_tokens": 9}, 9),
        ("anthropic", {"max_tokens": 9}, 9),
        ("gemini", {"generationConfig": {"maxOutputTokens": 9, "candidateCount": 2}}, 18),
        ("bedrock", {"inferenceConfig": {"maxTokens": 9}}, 9),
        ("vertex", {}, 500),
        ("image_generation", {"n": 2}, 2 * IMAGE_TOKENS),
        *((name, {"input": "x", "n": 4}, 0) for name in ("embedding", "moderation", "rerank", "audio_speech")),
    ],
)
def test_the_most_output_is_reserved_for_each_answer(operation, fields, output):
    assert reserved(operation, **fields) == output


def test_calls_that_ask_no_model_reserve_nothing():
    for name in ("file", "batch"):
        assert reserved_sides(name, JsonCall(), b'{"input_file_id":"x"}', 0, 500) == (0, 0)
        assert reserved_form_tokens(name, 10**9, 500) == 0
    for operation in OPERATIONS:
        assert reserved_sides(operation.name, JsonCall(), b"", 0, 500) == (0, 0)


def test_a_form_counts_up_to_a_bound():
    assert reserved_form_tokens("audio_transcription", 100, 500) == PAYLOAD_TOKENS + 500
    assert reserved_form_tokens("audio_transcription", 640_001, 500) == 10_001 + 500
    assert reserved_form_tokens("audio_translation", 10**9, 500) == FORM_MOST + 500
    assert reserved_form_tokens("image_edit", 100, 500) == PAYLOAD_TOKENS + IMAGE_TOKENS
