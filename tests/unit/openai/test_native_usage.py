"""The usage of providers' own answers."""

from __future__ import annotations

import json

import pytest

from gateway.openai.native_usage import NativeEvents, of_headers, tokens_of
from gateway.openai.tokens import Tokens

CACHED = {"cache_read_input_tokens": 80, "cache_creation_input_tokens": 15}
GOOGLES = {
    **{"promptTokenCount": 100, "cachedContentTokenCount": 60, "toolUsePromptTokenCount": 5},
    **{"candidatesTokenCount": 20, "thoughtsTokenCount": 30, "totalTokenCount": 155},
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 50},
        {"modality": "AUDIO", "tokenCount": 30},
        {"modality": "AUDIO", "tokenCount": 2},
        {"modality": "IMAGE", "tokenCount": 18},
        {"modality": "IMAGE", "tokenCount": "x"},
        "odd",
    ],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 7}, {"modality": "AUDIO", "tokenCount": 3}],
}
GEMINI = Tokens(
    **{"input": 105, "output": 50, "cached_input": 60, "reasoning": 30},
    **{"audio_input": 32, "image_input": 18, "image_output": 7, "audio_output": 3},
)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"usage": {"input_tokens": 5, "output_tokens": 9}}, Tokens(input=5, output=9)),
        (
            {"usage": {"input_tokens": 5, "output_tokens": 9, **CACHED}},
            Tokens(input=100, output=9, cached_input=80, cache_write=15),
        ),
        (
            {"usage": {"input_tokens": 5, "output_tokens": 9, "cache_read_input_tokens": None}},
            Tokens(input=5, output=9),
        ),
        ({"usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}}, Tokens(input=3, output=4)),
        (
            {"usage": {"inputTokens": 3, "outputTokens": 4, "cacheReadInputTokens": 6, "cacheWriteInputTokens": 1}},
            Tokens(input=10, output=4, cached_input=6, cache_write=1),
        ),
        (
            {"usage": {"inputTokens": 3, "outputTokens": 4, "cacheReadInputTokenCount": 6}},
            Tokens(input=9, output=4, cached_input=6),
        ),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, Tokens(input=3, output=4)),
        ({"usageMetadata": GOOGLES}, GEMINI),
        ({"usageMetadata": {"promptTokenCount": 4}}, Tokens(input=4)),
        ({"usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": "x"}}, None),
        ({"usageMetadata": {"promptTokenCount": 4, "promptTokensDetails": 5}}, Tokens(input=4)),
        ({"usageMetadata": [4]}, None),
        ({"usage": {"output_tokens": "9"}}, None),
        ({"usage": "none"}, None),
        ({"predictions": [{"embeddings": {"statistics": {"token_count": 3}}}] * 2}, Tokens(input=6)),
        ({"predictions": [{"bytesBase64Encoded": "aGk="}, {}]}, Tokens(images=1)),
        ({"predictions": [{"embeddings": {"values": [0.1]}}]}, None),
        ({"predictions": []}, None),
        ({"generation": "x", "prompt_token_count": 3, "generation_token_count": 4}, Tokens(input=3, output=4)),
        ({"embedding": [0.5], "inputTextTokenCount": 3}, Tokens(input=3)),
        ({"inputTextTokenCount": 3, "results": [{"tokenCount": 4}, {"tokenCount": 1}]}, Tokens(input=3, output=5)),
        ({"inputTextTokenCount": "x"}, None),
        ({"input_tokens": 12}, Tokens()),
        ({"inputTokens": 12}, Tokens()),
        ({"totalTokens": 12}, Tokens()),
        ({"data": []}, None),
    ],
)
def test_each_shape_tells_its_tokens(answer, told):
    assert tokens_of(json.dumps(answer).encode()) == told


def test_an_array_of_chunks_tells_with_its_last():
    chunks = [{"usageMetadata": {"promptTokenCount": 4}}, {"usageMetadata": GOOGLES}, {"candidates": []}]
    assert tokens_of(json.dumps(chunks).encode()) == GEMINI
    assert tokens_of(b"[]") is None


def test_bedrocks_headers_tell_what_the_body_does_not():
    headers = [(b"X-Amzn-Bedrock-Input-Token-Count", b"5"), (b"x-amzn-bedrock-output-token-count", b" 6 ")]
    assert tokens_of(b'{"embeddings":[]}', headers) == Tokens(input=5, output=6)
    assert tokens_of(b'{"usage":{}}', headers) == Tokens(input=5, output=6)
    assert tokens_of(b'{"usage":{"input_tokens":1,"output_tokens":2}}', headers) == Tokens(input=1, output=2)
    headers += [(b"x-amzn-bedrock-cache-read-input-token-count", b"7"), (b"content-type", b"application/json")]
    assert of_headers(headers) == Tokens(input=12, output=6, cached_input=7)


@pytest.mark.parametrize("value", [b"", b"x", b"-5", b"9" * 16, b"\xb2"])
def test_a_header_that_is_no_count_tells_nothing(value):
    assert of_headers([(b"x-amzn-bedrock-input-token-count", value)]) is None


def test_events_are_told_at_the_end_and_begun_before():
    events = NativeEvents()
    events.read(b'{"type":"message_start","message":{"usage":{"input_tokens":5,"cache_read_input_tokens":8}}}')
    assert (events.begun, events.told) == (Tokens(input=13, cached_input=8), None)
    events.read(b'{"type":"message_delta","usage":{"output_tokens":9,"input_tokens":null}}')
    assert events.told == Tokens(input=13, output=9, cached_input=8)
    events.read(b'{"type":"message_delta","usage":{"output_tokens":"?"}}')
    events.read(b'{"type":"odd","usage":5}')
    assert events.told == Tokens(input=13, output=9, cached_input=8)


def test_a_message_that_begins_without_usage_tells_nothing():
    events = NativeEvents()
    events.read(b'{"type":"message_start","message":{"usage":5}}')
    assert (events.begun, events.told) == (None, None)
