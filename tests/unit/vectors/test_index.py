"""The search in memory, against the definition of the cosine."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.storage.vectors import Segment
from gateway.vectors.answer import read_embeddings
from gateway.vectors.index import (
    RANKED_AT_ONCE,
    Block,
    Ids,
    Index,
    Question,
    as_json,
    pack_data,
    pack_ids,
    read_block,
    read_ids,
)
from tests.unit.vectors.shelves import answered

NUMBERS = st.floats(-100, 100, width=32).map(lambda each: 0.0 if abs(each) < 1e-3 else each)
VECTORS = st.lists(NUMBERS, min_size=3, max_size=3)
WRITES = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), VECTORS, min_size=1), max_size=4)


def block(vectors: dict[str, list[float]], deleted: list[str], *, metadata: bool = False) -> Block:
    packed = read_embeddings(answered(*vectors.values()), len(vectors)).packed if vectors else b""
    data = pack_data([packed], [b'{"id":"%s"}' % each.encode() if metadata else b"{}" for each in vectors])
    cut = len(data) // 2
    return read_block(read_ids([pack_ids(list(vectors), deleted)]), [data[:cut], data[cut:]], 3)


def index(*writes: dict[str, list[float]], deleted: list[str] | None = None, metadata: bool = False) -> Index:
    """What the writes leave; `deleted` is a last one."""
    blocks = {str(number): block(each, [], metadata=metadata) for number, each in enumerate(writes)}
    if deleted is not None:
        blocks["deleted"] = block({}, deleted)
    return Index([Segment(name, len(each.names.ids), 0, 1, 1) for name, each in blocks.items()], blocks)


def cosine(one: list[float], other: list[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0


@given(WRITES, st.sets(st.sampled_from("abcdefgh")), VECTORS.filter(any), st.integers(1, 10), st.booleans())
def test_a_search_agrees_with_the_definition(
    writes: list[dict[str, list[float]]], deleted: set[str], asked: list[float], most: int, metadata: bool
) -> None:
    left: dict[str, list[float]] = {}
    for each in writes:
        left |= each
    left = {id: vector for id, vector in left.items() if id not in deleted}
    made = index(*writes, deleted=sorted(deleted), metadata=metadata)
    found = made.search(Question(asked, most))
    assert made.count == len(left)
    assert len(found) == min(most, len(left))
    assert len({each.id for each in found}) == len(found)
    for each in found:
        assert each.score == pytest.approx(cosine(left[each.id], asked), abs=1e-5)
        assert each.vector.tolist() == left[each.id]
        assert each.metadata == (b'{"id":"%s"}' % each.id.encode() if metadata else b"{}")
    best = sorted((cosine(vector, asked) for vector in left.values()), reverse=True)[:most]
    assert [each.score for each in found] == pytest.approx(best, abs=1e-5)


def test_of_equal_ones_the_one_that_was_kept_first_comes_first() -> None:
    made = index({"b": [1, 0, 0], "a": [2, 0, 0]}, {"c": [3, 0, 0]})
    assert [each.id for each in made.search(Question([1, 0, 0], 3))] == ["b", "a", "c"]


def test_a_score_is_within_its_bounds_and_a_vector_without_length_scores_0() -> None:
    made = index({"a": [0.1, 0.2, 0.3], "z": [0, 0, 0], "b": [-0.1, -0.2, -0.3]})
    scores = [each.score for each in made.search(Question([1e-200, 2e-200, 3e-200], 3))]
    assert scores == pytest.approx([1, 0, -1]) and max(scores) <= 1 and min(scores) >= -1


def test_what_is_less_alike_is_left_out_on_demand() -> None:
    made = index({"a": [1, 0, 0], "b": [1, 1, 0], "c": [0, 1, 0]})
    assert [each.id for each in made.search(Question([1, 0, 0], 9, min_score=0.7))] == ["a", "b"]


def test_a_filter_finds_the_best_of_what_it_wants_however_far_behind() -> None:
    vectors = {f"{number:03}": [1.0, number / 100, 0.0] for number in range(300)}
    made = index(vectors, metadata=True)
    seen: list[Any] = []

    def wanted(metadata: Any) -> bool:
        seen.append(metadata)
        return metadata["id"] >= "250"

    assert [each.id for each in made.search(Question([1, 0, 0], 2, wanted))] == ["250", "251"]
    assert len(seen) == 252


def test_one_segment_may_have_an_id_twice_and_its_last_one_counts() -> None:
    packed = read_embeddings(answered([1, 0, 0], [0, 1, 0]), 2).packed
    made = Index([Segment("s", 2, 0, 1, 1)], {"s": read_block(Ids(["a", "a"]), [packed], 3)})
    assert [(each.id, each.score) for each in made.search(Question([0, 1, 0], 9))] == [("a", 1.0)]


def test_a_search_that_wants_little_asks_of_everything() -> None:
    many = {str(number): [1.0, float(number), 0.0] for number in range(RANKED_AT_ONCE + 1)}
    made = index(many, metadata=True)
    last = Question([1, 0, 0], 9, lambda metadata: metadata["id"] == str(RANKED_AT_ONCE))
    assert [each.id for each in made.search(last)] == [str(RANKED_AT_ONCE)]
    assert made.search(Question([1, 0, 0], 9, lambda metadata: False)) == []


def test_an_empty_collection_finds_nothing() -> None:
    assert index().search(Question([1, 0, 0], 9)) == []


def test_an_answer_shows_metadata_and_vectors_as_it_is_asked() -> None:
    found = index({"a": [1, 0, 0]}).search(Question([1, 0, 0], 9))
    [plain] = as_json(found, metadata=False, vectors=False)
    assert plain == {"object": "embedding.match", "id": "a", "score": 1.0}
    [whole] = as_json(found, metadata=True, vectors=True)
    assert bytes(whole["metadata"]) == b"{}" and whole["vector"] == [1, 0, 0]
