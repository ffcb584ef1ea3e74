"""Bodies that are held to less output than they ask for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai.output_limits import FLAT, NESTED, cap_output
from gateway.openai.request import read_call
from tests.unit.openai.test_request import JSON_VALUES


@pytest.mark.parametrize(
    ("operation", "body", "capped"),
    [
        ("chat", b'{ "max_tokens" : 500 ,"a":1}', b'{ "max_tokens" : 100 ,"a":1}'),
        ("chat", b'{"max_tokens":100}', b'{"max_tokens":100}'),
        ("chat", b'{"max_completion_tokens":7}', b'{"max_completion_tokens":7}'),
        ("chat", b'{"max_completion_tokens":700,"max_tokens":99}', b'{"max_completion_tokens":100,"max_tokens":99}'),
        ("chat", b'{"a":1}', b'{"max_tokens":100,"a":1}'),
        ("chat", b'{"max_completion_tokens":null}', b'{"max_completion_tokens":100}'),
        ("chat", b'{"max_completion_tokens":null,"max_tokens":5}', b'{"max_completion_tokens":null,"max_tokens":5}'),
        ("chat", b'{"max_output_tokens":500}', b'{"max_tokens":100,"max_output_tokens":100}'),
        ("chat", b'{"max_tokens":"500"}', b'{"max_tokens":100}'),
        ("chat", b'{"max_tokens":"many"}', b'{"max_tokens":"many"}'),
        ("chat", b'{"max_tokens":-1}', b'{"max_tokens":100}'),
        ("chat", b'{"max_tokens":1e999}', b'{"max_tokens":100}'),
        ("chat", b'{"max_tokens":[500]}', b'{"max_tokens":[500]}'),
        ("chat", b'{"m\\u0061x_tokens":500}', b'{"m\\u0061x_tokens":100}'),
        ("chat", b'{"max_tokens":5,"max_tokens":500}', b'{"max_tokens":5,"max_tokens":100}'),
        ("chat", b'{"x":{"max_tokens":500},"max_tokens":1}', b'{"x":{"max_tokens":500},"max_tokens":1}'),
        ("completion", b"{}", b'{"max_tokens":100}'),
        ("completion", b'{"max_tokens":null,"a":1}', b'{"max_tokens":100,"a":1}'),
        ("response", b'{"a":1}', b'{"max_output_tokens":100,"a":1}'),
        ("response", b'{"max_output_tokens":101}', b'{"max_output_tokens":100}'),
        ("anthropic", b'{"max_tokens":500}', b'{"max_tokens":100}'),
        ("anthropic", b'{"messages":[]}', b'{"messages":[]}'),
        ("gemini", b'{"generationConfig":{"maxOutputTokens":500}}', b'{"generationConfig":{"maxOutputTokens":100}}'),
        ("gemini", b'{"generation_config":{"maxOutputTokens":50}}', b'{"generation_config":{"maxOutputTokens":50}}'),
        ("gemini", b'{"generationConfig":[500],"a":1}', b'{"generationConfig":[500],"a":1}'),
        ("gemini", b'{"contents":[]}', b'{"contents":[]}'),
        ("bedrock", b'{"inferenceConfig":{"maxTokens":500,"x":1}}', b'{"inferenceConfig":{"maxTokens":100,"x":1}}'),
        ("bedrock", b'{"max_gen_len":500,"max_tokens":500}', b'{"max_gen_len":100,"max_tokens":100}'),
        ("bedrock", b"\x89PNG {:}, not JSON", b"\x89PNG {:}, not JSON"),
        ("embedding", b'{"input":"x"}', b'{"input":"x"}'),
    ],
)
def test_what_is_larger_becomes_the_cap_and_no_other_byte_changes(operation, body, capped):
    assert cap_output(body, operation, 100) == capped


LIMITS = st.none() | st.integers(-5, 300) | st.floats(0, 300)


@given(
    st.dictionaries(st.text(max_size=9), JSON_VALUES, max_size=2),
    st.dictionaries(st.sampled_from(FLAT), LIMITS),
    st.dictionaries(
        st.sampled_from(sorted(NESTED)), st.dictionaries(st.sampled_from(NESTED["generationConfig"]), LIMITS)
    ),
    st.sampled_from(["chat", "completion", "response", "gemini"]),
)
def test_whatever_a_body_asks_for_it_gets_the_cap_at_most(others, flat, nested, operation):
    body = {**others, **flat, **nested}
    capped = cap_output(json.dumps(body).encode(), operation, 100)
    assert operation == "gemini" or 0 <= read_call(capped).most_output_tokens() <= 100
    kept = {name: value for name, value in json.loads(capped).items() if name not in (*FLAT, *NESTED)}
    assert kept == {name: value for name, value in others.items() if name not in (*FLAT, *NESTED)}
    assert cap_output(capped, operation, 100) == capped


def test_a_reasoning_model_gets_the_limit_that_it_takes():
    for model in ("o1", "o3-mini", "gpt-5", "openai/o4-mini", "gpt-5.1-chat"):
        assert cap_output(b'{"model":"x"}', "chat", 9, model) == b'{"max_completion_tokens":9,"model":"x"}'
    for model in ("gpt-4o", "mistral-large", "demo", None):
        assert cap_output(b'{"model":"x"}', "chat", 9, model) == b'{"max_tokens":9,"model":"x"}'
