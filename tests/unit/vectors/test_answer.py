"""Reading the vectors of an embeddings call's answer, however the upstream writes them."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest, UpstreamError
from gateway.vectors.answer import MOST_DIMENSIONS, read_embeddings
from tests.unit.vectors.shelves import answered

NUMBERS = st.floats(-1000, 1000, width=32)


@given(st.integers(1, 8).flatmap(lambda size: st.lists(st.lists(NUMBERS, min_size=size, max_size=size), min_size=1)))
def test_numbers_and_base64_are_the_same_vectors(vectors: list[list[float]]) -> None:
    packed = b"".join(struct.pack(f"<{len(each)}f", *each) for each in vectors)
    for as_text in (False, True):
        made = read_embeddings(answered(*vectors, as_text=as_text), len(vectors))
        assert (made.packed, made.dimensions) == (packed, len(vectors[0]))
        assert made.usage == {"total_tokens": 1}


def test_vectors_come_in_the_order_of_their_inputs() -> None:
    turned = json.loads(answered([1], [2]))
    turned["data"].reverse()
    assert read_embeddings(json.dumps(turned).encode(), 2).packed == struct.pack("<2f", 1, 2)
    plain = {"data": [{"embedding": [1]}, {"embedding": [2]}], "usage": None}
    made = read_embeddings(json.dumps(plain).encode(), 2)
    assert (made.packed, made.usage) == (struct.pack("<2f", 1, 2), None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"data":1}',
        answered(),
        answered([1], [2]),
        b'{"data":[{"embedding":null}]}',
        b'{"data":[{"embedding":[]}]}',
        b'{"data":[{"embedding":"AAA"}]}',
        b'{"data":[{"embedding":"AAAA"}]}',
        b'{"data":[{"embedding":["1"]}]}',
        b'{"data":[{"embedding":[1e39]}]}',
        b'{"data":[{"embedding":[1e31]}]}',
        b'{"data":[{"embedding":"AADAfw=="}]}',
    ],
)
def test_an_answer_without_the_vectors_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="nothing was kept"):
        read_embeddings(body, 1)


def test_vectors_of_different_lengths_are_the_upstreams_fault() -> None:
    with pytest.raises(UpstreamError, match="different lengths"):
        read_embeddings(answered([1], [1, 2]), 2)


def test_vectors_that_are_too_long_to_keep_are_refused() -> None:
    assert read_embeddings(answered([1] * MOST_DIMENSIONS), 1).dimensions == MOST_DIMENSIONS
    with pytest.raises(InvalidRequest, match="16,384 dimensions"):
        read_embeddings(answered([1] * (MOST_DIMENSIONS + 1)), 1)
