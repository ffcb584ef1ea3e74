"""Filters on metadata: what each operator wants, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.vectors.filters import read_filter
from tests.unit.openai.test_request import JSON_VALUES

METADATA = {"lang": "de", "page": 3, "draft": False, "tags": ["a", {"b": 1}], "none": None}

WANTED: list[dict[str, Any]] = [
    {},
    {"lang": "de"},
    {"page": 3.0},
    {"tags": ["a", {"b": 1.0}]},
    {"none": None},
    {"lang": "de", "page": {"$gt": 2, "$lte": 3}},
    {"lang": {"$ne": "en"}},
    {"missing": {"$ne": "en"}},
    {"lang": {"$in": ["en", "de"]}},
    {"lang": {"$nin": ["en"]}},
    {"missing": {"$nin": ["en"]}},
    {"page": {"$gte": 3}},
    {"page": {"$lt": 3.5}},
    {"lang": {"$gt": "a"}},
    {"lang": {"$exists": True}},
    {"none": {"$exists": True}},
    {"missing": {"$exists": False}},
    {"page": {"$not": {"$lt": 3}}},
    {"page": {"$not": 4}},
    {"$and": [{"lang": "de"}, {"page": 3}]},
    {"$or": [{"lang": "en"}, {"page": 3}]},
    {"$not": {"lang": "en"}},
    {"$not": {"$or": [{"lang": "en"}, {"page": 4}]}},
]
UNWANTED: list[dict[str, Any]] = [
    {"lang": "en"},
    {"draft": 0},
    {"page": True},
    {"tags": "a"},
    {"tags": ["a", {"b": True}]},
    {"missing": None},
    {"missing": {"$in": [None]}},
    {"lang": {"$in": []}},
    {"lang": {"$gt": 1}},
    {"page": {"$gt": "1"}},
    {"draft": {"$lt": 1}},
    {"missing": {"$lt": 1}},
    {"page": {"$gt": 3}},
    {"page": {"$gte": 1, "$lt": 3}},
    {"lang": "de", "page": 4},
    {"missing": {"$exists": True}},
    {"$and": [{"lang": "de"}, {"page": 4}]},
    {"$or": [{"lang": "en"}, {"page": 4}]},
    {"$not": {"lang": "de"}},
    {"$not": {}},
]


def test_a_filter_wants_what_fulfils_every_condition() -> None:
    for wanted in WANTED:
        assert read_filter(wanted)(METADATA), wanted
    for unwanted in UNWANTED:
        assert not read_filter(unwanted)(METADATA), unwanted


def nested(depth: int, *path: str) -> dict[str, Any]:
    made: Any = 1
    for _ in range(depth):
        for step in path:
            made = [made] if step == "[" else {step: made}
    return {"a": made} if path == ("$not",) and depth else made


WRONG: list[tuple[Any, str, str]] = [
    ({"$nor": []}, "filter.$nor", "is no operator here"),
    ({"a": {"$regex": "x"}}, "filter.a.$regex", "known are $eq, $ne"),
    ({"a": {"$eq": 1, "b": 2}}, "filter.a.b", "is no operator"),
    ({"$and": {}}, "filter.$and", "list of one or more filters"),
    ({"$or": []}, "filter.$or", "list of one or more filters"),
    ({"$or": [1]}, "filter.$or[0]", "an object of conditions"),
    ({"$not": [1]}, "filter.$not", "an object of conditions"),
    ({"a": {"$in": "x"}}, "filter.a.$in", "a list of values"),
    ({"a": {"$exists": 1}}, "filter.a.$exists", "true or false"),
    ({"a": {"$gt": None}}, "filter.a.$gt", "a number or a string"),
    ({"a": {"$lt": True}}, "filter.a.$lt", "a number or a string"),
    ({str(number): 1 for number in range(65)}, "filter", "at most 64 conditions"),
]


def test_what_is_no_filter_is_refused_by_its_place() -> None:
    for given_, param, rule in WRONG:
        with pytest.raises(InvalidRequest) as refused:
            read_filter(given_)
        assert refused.value.param == param, given_
        assert rule in refused.value.message


@pytest.mark.parametrize("path", [("$not",), ("[", "$and")])
def test_a_filter_that_is_nested_too_deep_is_refused(path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="nested deeper than 8 times"):
        read_filter(nested(500, *path))


@given(st.dictionaries(st.text(max_size=6).filter(lambda name: not name.startswith("$")), JSON_VALUES, max_size=4))
def test_metadata_is_wanted_by_its_own_fields_and_not_by_their_opposite(metadata: dict[str, Any]) -> None:
    assert read_filter({name: {"$eq": value} for name, value in metadata.items()})(metadata)
    for name, value in metadata.items():
        assert not read_filter({name: {"$ne": value}})(metadata)
        assert read_filter({name: {"$in": [value], "$exists": True, "$not": {"$nin": [value]}}})(metadata)
