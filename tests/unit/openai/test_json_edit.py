"""Another model name in a body, and no other byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai.json_edit import add_defaults, swap_model
from tests.unit.openai.test_request import JSON_VALUES


@pytest.mark.parametrize(
    ("body", "swapped"),
    [
        (b'{"model":"a","n":1}', b'{"model":"new","n":1}'),
        (b'{ "n" : 1 , "model" :  "a"  }', b'{ "n" : 1 , "model" :  "new"  }'),
        (b'{"model":null}', b'{"model":"new"}'),
        (b'{"meta":{"model":"inner"},"model":"a"}', b'{"meta":{"model":"inner"},"model":"new"}'),
        (b'{"list":[{"model":"x"},"model"],"model":"a"}', b'{"list":[{"model":"x"},"model"],"model":"new"}'),
        (b'{"text":"\\"model\\":\\"x\\"","model":"a"}', b'{"text":"\\"model\\":\\"x\\"","model":"new"}'),
        (b'{"mod\\u0065l":"a"}', b'{"mod\\u0065l":"new"}'),
        (b'{"a\\u0062":"a"}', b'{"model":"new","a\\u0062":"a"}'),
        (b'{"model":"a","model":"b"}', b'{"model":"a","model":"new"}'),
        (b"{}", b'{"model":"new"}'),
        (b' { "n": 1}', b' {"model":"new", "n": 1}'),
    ],
)
def test_only_the_models_name_changes(body, swapped):
    assert swap_model(body, "new") == swapped


@given(st.dictionaries(st.text(), JSON_VALUES), st.text(), st.sampled_from([None, 1]))
def test_the_swapped_body_means_the_same_but_for_its_model(fields, name, indent):
    body = json.dumps(fields, indent=indent).encode()
    assert json.loads(swap_model(body, name)) == {**fields, "model": name}


@pytest.mark.parametrize(
    ("body", "added"),
    [
        (b'{"n":1}', b'{"temperature":0.2,"stop":["x"],"n":1}'.replace(b",", b", ", 1)),
        (b'{"temperature":0.9,"stop":null}', b'{"temperature":0.9,"stop":null}'),
    ],
)
def test_defaults_are_added_only_where_the_body_leaves_them_out(body, added):
    assert json.loads(add_defaults(body, {"temperature": 0.2, "stop": ["x"]})) == json.loads(added)


@given(st.dictionaries(st.text(), JSON_VALUES), st.dictionaries(st.text(), JSON_VALUES))
def test_the_body_wins_over_every_default(fields, defaults):
    body = json.dumps(fields).encode()
    added = add_defaults(body, defaults)
    assert json.loads(added) == {**defaults, **fields}
    assert added.endswith(body[1:])
