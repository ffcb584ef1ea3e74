"""Reading what decides where a body goes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.openai.request import read_call

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_model_and_stream_are_read():
    call = read_call(b'{"model": "gpt-4o", "stream": true, "unknown": [null, {"a": 1.5e3}]}')
    assert (call.model, call.stream) == ("gpt-4o", True)


@pytest.mark.parametrize("body", [b"{}", b'{"model": null, "stream": null}', b' {"messages": []} '])
def test_model_and_stream_may_be_missing_or_null(body):
    call = read_call(body)
    assert (call.model, call.stream) == (None, None)


@given(st.dictionaries(st.text().filter(lambda key: key not in ("model", "stream")), JSON_VALUES))
def test_any_json_object_is_read(fields):
    call = read_call(json.dumps({**fields, "model": "é\U0001f600"}, ensure_ascii=False).encode())
    assert call.model == "é\U0001f600"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"   ", "not valid JSON"),
        (b'{"model": "gpt-4o"', "not valid JSON"),
        (b'{"messages": [{"role": "user", "content": "tru', "not valid JSON"),
        (b"model=gpt-4o", "not valid JSON"),
        (b'{"a": 1} trailing', "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"content": "\xff\xfe"}', "invalid UTF-8"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b"[1, 2]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body, says):
    with pytest.raises(InvalidRequest, match=says) as caught:
        read_call(body)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("body", "param"), [(b'{"model": 5}', "model"), (b'{"model": ["x"]}', "model"), (b'{"stream": "yes"}', "stream")]
)
def test_a_wrong_type_names_the_field(body, param):
    with pytest.raises(InvalidRequest, match=f"'{param}' must be") as caught:
        read_call(body)
    assert caught.value.param == param


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body):
    try:
        read_call(body)
    except InvalidRequest as error:
        assert error.status == 400


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"prompt_cache_key": "k", "user": "u"}, "k"),
        ({"user": "u"}, "u"),
        ({"user": 5}, None),
        ({}, None),
    ],
)
def test_what_calls_share_is_their_cache_key_else_their_user(fields, key):
    assert read_call(json.dumps(fields).encode()).affinity() == key


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_output_tokens": 7, "max_tokens": "x"}, 7),
        ({"max_completion_tokens": -1}, 0),
        ({"max_completion_tokens": 5, "max_tokens": 9.0}, 9),
        ({"max_tokens_to_sample": 5}, 5),
        ({"max_gen_len": 5}, 5),
        ({"generationConfig": {"maxOutputTokens": 5}}, 5),
        ({"generation_config": {"max_output_tokens": 5}}, 5),
        ({"inferenceConfig": {"maxTokens": 5, "max_new_tokens": None}}, 5),
        ({"textGenerationConfig": {"maxTokenCount": 5}}, 5),
        ({"generationConfig": [5]}, 0),
        ({}, 0),
    ],
)
def test_the_most_output_tokens_are_what_the_body_says(fields, tokens):
    assert read_call(json.dumps(fields).encode()).most_output_tokens() == tokens


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({}, 1),
        ({"n": 3}, 3),
        ({"n": 2, "best_of": 5}, 5),
        ({"n": 0}, 1),
        ({"n": "3"}, 1),
        ({"generationConfig": {"candidateCount": 4}}, 4),
        ({"generation_config": {"candidate_count": 4}}, 4),
        ({"generationConfig": 4}, 1),
    ],
)
def test_a_body_asks_for_one_answer_or_more(fields, answers):
    assert read_call(json.dumps(fields).encode()).answers() == answers
