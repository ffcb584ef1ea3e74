"""What answers tell that are too long to be held."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai.long_usage import END, LongUsage
from gateway.openai.operations import OPERATIONS
from gateway.openai.tokens import Tokens


def fed(operation, body, size=1000):
    usage = LongUsage(operation)
    for at in range(0, len(body), size):
        usage.feed(body[at : at + size])
        assert len(usage._tail) <= END and len(usage._head) <= END
    return usage.tokens


VECTORS = [{"embedding": [0.25] * 700, "index": index} for index in range(4)]
COUNTS = {"prompt_tokens": 8, "total_tokens": 8}


@pytest.mark.parametrize("size", [1, 13, 1000, 5000, 10**6])
def test_usage_is_found_at_either_end_wherever_the_answer_is_cut(size):
    for answer in ({"data": VECTORS, "usage": COUNTS}, {"usage": COUNTS, "data": VECTORS}):
        assert fed("embedding", json.dumps(answer).encode(), size) == Tokens(input=8)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pictures_are_counted_once_each(size):
    pictures = [{"b64_json": "A" * 6000}, {"url": "http://x", "b64_json_not": 1}, {"b64_json": "A" * 6000}]
    usage = {"input_tokens": 5, "output_tokens": 9}
    body = json.dumps({"data": pictures, "usage": usage}).encode()
    assert fed("image_generation", body, size) == Tokens(input=5, output=9, image_output=9, images=3)
    assert fed("image_edit", json.dumps({"data": pictures}).encode(), size) == Tokens(images=3)


def test_native_answers_are_read_by_their_shape():
    body = json.dumps({"candidates": ["x" * 9000], "usageMetadata": {"promptTokenCount": 4}}).encode()
    assert fed("gemini", body) == Tokens(input=4)
    body = json.dumps({"content": ["x" * 9000], "usage": {"input_tokens": 4, "output_tokens": 5}}).encode()
    assert fed("anthropic", body) == Tokens(input=4, output=5)


@pytest.mark.parametrize(
    "body", [b"", b'{"usage":5}', b'{"usage"', b'{"usage":{"prompt_tokens":', b'{"usage":' + b'{"a":' * 100_000]
)
def test_what_can_not_be_read_was_not_told(body):
    assert fed("embedding", body) is None


@given(st.sampled_from([operation.name for operation in OPERATIONS]), st.lists(st.binary(max_size=30)))
def test_no_bytes_raise(operation, chunks):
    usage = LongUsage(operation)
    for chunk in (b'{"b64_json":1,"usage":', *chunks):
        usage.feed(chunk)
    assert usage.tokens is None or usage.tokens.images >= 0
