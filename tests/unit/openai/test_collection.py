"""The gateway's own fields of an embeddings call: taken off without another byte, and checked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.openai.collection import MOST_INPUTS, OWN, Keeping, take_collection
from tests.unit.openai.test_request import JSON_VALUES

OTHERS = st.dictionaries(st.text(max_size=6), JSON_VALUES, max_size=4)


def taken(**fields: Any) -> Keeping:
    _, keeping = take_collection(json.dumps({"input": "a", "collection": "c", **fields}).encode())
    assert keeping is not None
    return keeping


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b'{"collection":"c","input":"a"}', b'{"input":"a"}'),
        (b'{"input":"a","collection":"c"}', b'{"input":"a"}'),
        (b'{ "input" : "a" , "ids" : ["1"] , "collection":"c" , "user":null }', b'{ "input" : "a" , "user":null }'),
        (b' {"collection":"c", "metadata":{"ids":1}, "input":"a"} ', b' {"input":"a"} '),
        (b'{"ids":["x"],"collection":"c","input":"a","metadata":{}}', b'{"input":"a"}'),
        (b'{"coll\\u0065ction":"c","input":"\\"collection\\":1"}', b'{"input":"\\"collection\\":1"}'),
        (b'{"collection":"b","input":"a","collection":"c"}', b'{"input":"a"}'),
        (b'{"collection":"c"}', b"{}"),
    ],
)
def test_the_own_fields_are_taken_off_and_no_other_byte(body: bytes, left: bytes) -> None:
    rest, keeping = take_collection(body)
    assert rest == left
    assert keeping is not None and keeping.collection == "c"


@given(OTHERS, st.permutations(OWN), st.sampled_from([None, 1]), st.randoms())
def test_what_is_left_means_the_same_but_for_the_own_fields(
    others: dict[str, Any], own: list[str], indent: int | None, chance: Any
) -> None:
    others = {name: value for name, value in others.items() if name not in (*OWN, "input", "dimensions")}
    values = {"collection": "c", "ids": ["1", "2"], "metadata": [None, {"n": [1, "é"]}]}
    fields = [*others.items(), *((name, values[name]) for name in own), ("input", ["a", "b"])]
    chance.shuffle(fields)
    rest, keeping = take_collection(json.dumps(dict(fields), indent=indent).encode())
    assert list(json.loads(rest).items()) == [(name, value) for name, value in fields if name not in OWN]
    assert keeping == Keeping("c", ("1", "2"), (b"{}", '{"n":[1,"é"]}'.encode()))


@given(OTHERS)
def test_a_body_without_the_own_fields_is_left_as_it_is(fields: dict[str, Any]) -> None:
    body = json.dumps({name: value for name, value in fields.items() if name not in OWN}).encode()
    assert take_collection(body) == (body, None)


@pytest.mark.parametrize(
    ("given", "count"),
    [("text", 1), (["a"], 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2), ([], 0), (None, 1)],
)
def test_each_text_and_each_list_of_tokens_is_one_input(given: Any, count: int) -> None:
    assert len(taken(input=given).ids) == count


def test_made_ids_are_the_same_for_the_same_input_and_metadata_alone() -> None:
    ids = taken(input=["a", "b", "a"], metadata=[None, None, {"page": 2}]).ids
    assert len(set(ids)) == 3 and all(len(each) == 32 for each in ids)
    assert taken(input=["a", "b"]).ids == ids[:2]
    assert taken(input="a", ids=None, metadata=None).ids == ids[:1]


def test_one_object_of_metadata_is_for_all_inputs() -> None:
    assert taken(input=["a", "b"], metadata={"lang": "de"}).metadata == (b'{"lang":"de"}',) * 2


def test_the_dimensions_that_are_asked_for_are_remembered() -> None:
    assert taken(dimensions=256).dimensions == 256
    assert taken(dimensions="256").dimensions is None


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"collection": 1}, "collection", "must be a string"),
    ({"ids": "1"}, "ids", "one id for each input: here 1"),
    ({"ids": []}, "ids", "one id for each input"),
    ({"input": ["a", "b"], "ids": ["1"]}, "ids", "here 2"),
    ({"input": ["a", "b"], "ids": ["1", "1"]}, "ids", "must differ"),
    ({"input": ["a", "b"], "ids": ["1", 2]}, "ids[1]", "1 to 256 characters"),
    ({"ids": [""]}, "ids[0]", "1 to 256 characters"),
    ({"ids": ["x" * 257]}, "ids[0]", "1 to 256 characters"),
    ({"metadata": "x"}, "metadata", "one object for all inputs"),
    ({"metadata": [{}, {}]}, "metadata", "here 1"),
    ({"metadata": [1]}, "metadata[0]", "must be an object"),
    ({"metadata": {"text": "x" * 8192}}, "metadata", "8,192 bytes"),
    ({"metadata": [{"text": "é" * 4096}]}, "metadata[0]", "8,192 bytes"),
    ({"input": ["a"] * (MOST_INPUTS + 1)}, "input", "2,048 inputs"),
]


def test_what_breaks_a_rule_is_refused_by_its_name() -> None:
    for fields, param, rule in WRONG:
        with pytest.raises(InvalidRequest) as refused:
            taken(**fields)
        assert refused.value.param == param, fields
        assert rule in refused.value.message and refused.value.message.startswith(("'", "A "))


def test_ids_and_metadata_without_a_collection_are_refused() -> None:
    for name in ("ids", "metadata"):
        with pytest.raises(InvalidRequest, match="collection") as refused:
            take_collection(json.dumps({"input": "a", name: None}).encode())
        assert refused.value.param == name


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="can't be read"):
        take_collection(b'{"collection":"\\ud800","input":"a"}')
