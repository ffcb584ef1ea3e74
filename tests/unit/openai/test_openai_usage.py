"""The usage of OpenAI's answers, in every shape it has."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai import openai_usage
from gateway.openai.tokens import MOST, Tokens


def test_chat_tells_parts_of_either_side():
    usage = {
        **{"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
        "prompt_tokens_details": {"cached_tokens": 80, "audio_tokens": 7, "image_tokens": 5, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 4, "image_tokens": 3},
    }
    assert openai_usage.of_answer(json.dumps({"usage": usage}).encode()) == Tokens(
        **{"input": 100, "output": 50, "cached_input": 80, "cache_write": 2, "reasoning": 30},
        **{"audio_input": 7, "audio_output": 4, "image_input": 5, "image_output": 3},
    )


def test_a_zero_is_told_and_not_missing():
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 0}}
    assert openai_usage.of_usage(usage) == Tokens()
    # DeepSeek's own field is not asked when OpenAI's says 0.
    usage = {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 0}, "prompt_cache_hit_tokens": 5}
    assert openai_usage.of_usage(usage) == Tokens(input=9)


def test_deepseek_tells_its_cache_beside_the_counts():
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 5}
    assert openai_usage.of_usage(usage) == Tokens(input=9, output=1, cached_input=5)


@pytest.mark.parametrize("details", [None, [], "x", 5, {"cached_tokens": "8"}, {"cached_tokens": -1}])
def test_details_that_can_not_be_read_are_none(details):
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": details}
    assert openai_usage.of_usage(usage) == Tokens(input=9, output=1)


COUNTS = st.sampled_from([0, 5, 12.0, -1, 2.5, "5", None, True, MOST, MOST + 1, 10**30])
DETAILS = st.dictionaries(st.sampled_from(["cached_tokens", "audio_tokens", "reasoning_tokens", "other"]), COUNTS)
USAGES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens", "prompt_cache_hit_tokens"), COUNTS),
        **dict.fromkeys(("prompt_tokens_details", "completion_tokens_details"), COUNTS | DETAILS),
        "input_tokens": COUNTS,
    },
)


@given(USAGES)
def test_the_usual_shape_is_read_at_once_to_the_same_counts(usage):
    assert openai_usage.of_answer(json.dumps({"usage": usage}).encode()) == openai_usage.of_usage(usage)


RESPONSE = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ({"usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 2}}, 11),
        ({"usage": RESPONSE, "output": [{"type": "message"}]}, None),
        ({"usage": RESPONSE, "output": []}, 0),
        ({"usage": RESPONSE, "output": None}, 0),
        ({"usage": RESPONSE}, 0),
        ({"usage": None, "output": []}, None),
    ],
)
def test_an_all_zero_usage_of_a_response_with_output_is_not_believed(response, told):
    tokens = openai_usage.of_response(json.dumps(response).encode())
    assert (None if tokens is None else tokens.total) == told


def test_images_are_counted_and_their_output_is_pictures():
    usage = {"input_tokens": 60, "input_tokens_details": {"image_tokens": 40}, "output_tokens": 4160}
    told = openai_usage.of_images(json.dumps({"data": [{}, {}], "usage": usage}).encode())
    assert told == Tokens(input=60, output=4160, image_input=40, image_output=4160, images=2)
    usage["output_tokens_details"] = {"image_tokens": 4000, "text_tokens": 160}
    told = openai_usage.of_images(json.dumps({"data": [{}], "usage": usage}).encode())
    assert (told.image_output, told.images) == (4000, 1)


@pytest.mark.parametrize(("body", "images"), [(b'{"data":[{},{},{}]}', 3), (b'{"data":[]}', 0), (b'{"data":5}', 0)])
def test_images_without_usage_are_counted_alone(body, images):
    assert openai_usage.of_images(body) == (Tokens(images=images) if images else None)


def test_a_recording_tells_tokens_or_seconds():
    usage = {"type": "tokens", "input_tokens": 14, "input_token_details": {"audio_tokens": 12}, "output_tokens": 5}
    told = openai_usage.of_recording(json.dumps({"text": "x", "usage": usage}).encode())
    assert told == Tokens(input=14, output=5, audio_input=12)
    assert openai_usage.of_recording(b'{"usage":{"type":"duration","seconds":9}}') == Tokens(seconds=9.0)
    assert openai_usage.of_recording(b'{"duration":8.47,"text":"x"}') == Tokens(seconds=8.47)
    for body in (b'{"text":"x"}', b'{"duration":"8"}', b'{"duration":-1}', b'{"usage":{"seconds":null}}'):
        assert openai_usage.of_recording(body) is None


def test_speech_is_sound_as_a_whole():
    usage = {"input_tokens": 4, "output_tokens": 90, "total_tokens": 94}
    assert openai_usage.of_speech(usage) == Tokens(input=4, output=90, audio_output=90)
    assert openai_usage.of_speech(None) is None


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"usage": {"total_tokens": 815}}, Tokens(input=815)),
        ({"usage": {"prompt_tokens": 5, "total_tokens": 5}}, Tokens(input=5)),
        ({"meta": {"billed_units": {"search_units": 2}}}, Tokens(queries=2)),
        ({"meta": {"billed_units": {"search_units": 1.0, "input_tokens": 7}}}, Tokens(input=7, queries=1)),
        ({"meta": {"billed_units": {"input_tokens": 7.0}}}, Tokens(input=7)),
        ({"usage": {"total_tokens": 8}, "meta": {"billed_units": {"search_units": 1}}}, Tokens(input=8, queries=1)),
        ({"meta": {"billed_units": {"search_units": "one"}}}, None),
        ({"meta": [1]}, None),
        ({"meta": {"billed_units": 5}}, None),
    ],
)
def test_a_rerank_tells_tokens_searches_or_both(answer, told):
    assert openai_usage.of_rerank(json.dumps(answer).encode()) == told
