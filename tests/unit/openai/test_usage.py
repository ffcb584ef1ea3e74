"""What whole answers tell, for every operation."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.openai.operations import OPERATIONS
from gateway.openai.tokens import MOST, Tokens
from gateway.openai.usage import spoken_characters, tokens_of
from tests.unit.openai.test_request import JSON_VALUES

NAMES = [operation.name for operation in OPERATIONS]
COUNTED = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
HEADERS = [(b"X-Amzn-Bedrock-Input-Token-Count", b"5"), (b"x-amzn-bedrock-output-token-count", b"6")]
# Names that usage has somewhere, so that strange values stand where they are looked for.
FIELDS = (
    *("usage", "usageMetadata", "data", "duration", "seconds", "meta", "billed_units", "search_units", "response"),
    *("output", "message", "predictions", "embeddings", "statistics", "results", "inputTextTokenCount", "tokenCount"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "inputTokens"),
    *("prompt_tokens_details", "input_tokens_details", "cached_tokens", "promptTokenCount", "promptTokensDetails"),
    *("candidatesTokenCount", "candidatesTokensDetails", "modality", "prompt_token_count", "bytesBase64Encoded"),
)
STRANGE = st.recursive(
    JSON_VALUES | st.sampled_from([-1, 0, 3, 2.5, 10**30, "5", None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=20,
)


def test_chat_completions_and_embeddings_tell_their_usage():
    body = json.dumps({"choices": [], "usage": COUNTED}).encode()
    assert tokens_of("chat", body) == tokens_of("completion", body) == Tokens(input=3, output=4)
    assert tokens_of("embedding", b'{"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}') == Tokens(input=8)


def test_an_answer_without_usage_tells_none():
    for body in (b"{}", b'{"usage":null}', b'{"usage":{}}', b'{"usage":[3]}', b"", b"not json", b"[]", b'"usage"'):
        for name in set(NAMES) - {"batch", "file"}:
            assert tokens_of(name, body) is None, (name, body)


def test_calls_about_batches_and_files_use_nothing():
    assert tokens_of("batch", b'{"usage":{"input_tokens":9}}') == tokens_of("file", b"\x00") == Tokens()


def test_operations_with_a_shape_of_their_own_are_read_by_it():
    assert tokens_of("image_generation", b'{"data":[{},{}]}') == Tokens(images=2)
    assert tokens_of("audio_translation", b'{"duration":2.5}') == Tokens(seconds=2.5)
    assert tokens_of("rerank", b'{"usage":{"total_tokens":5}}') == Tokens(input=5)
    assert tokens_of("response", b'{"usage":{"input_tokens":1,"output_tokens":2}}') == Tokens(input=1, output=2)
    assert tokens_of("anthropic", b'{"usage":{"input_tokens":1,"output_tokens":2}}') == Tokens(input=1, output=2)


def test_headers_tell_where_the_body_of_a_native_answer_can_not_be_read():
    assert tokens_of("bedrock", b"\x89PNG", HEADERS) == Tokens(input=5, output=6)
    assert tokens_of("chat", b"\x89PNG", HEADERS) is None


def test_nesting_without_end_tells_nothing():
    deep = b'{"usage":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert all(tokens_of(name, deep) is None for name in set(NAMES) - {"batch", "file"})


@given(st.sampled_from(NAMES), STRANGE)
def test_no_shape_raises_and_no_count_is_negative_or_huge(name, answer):
    told = tokens_of(name, json.dumps(answer).encode())
    if told is not None:
        assert told.input >= 0 and told.output >= 0
        assert told.images + told.queries + told.cached_input + told.cache_write <= 4 * MOST
        assert 0 <= told.seconds <= MOST


@given(st.sampled_from(NAMES), st.binary(max_size=80), st.lists(st.tuples(st.binary(), st.binary()), max_size=3))
def test_no_bytes_raise(name, body, headers):
    tokens_of(name, body, headers)


def test_speech_is_counted_by_the_characters_that_are_asked_for():
    assert spoken_characters(json.dumps({"model": "tts-1", "input": "héllo\n"}).encode()) == 6
    for body in (b"", b"{}", b'{"input":["a"]}', b"[1]", b'{"input":' + b"[" * 100_000):
        assert spoken_characters(body) == 0
