"""What a whole answer of a provider's own API tells of its usage, by the shape that it has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.openai import openai_usage
from gateway.openai.tokens import Tokens, count, sides


class _Statistics(msgspec.Struct):
    statistics: Any = None


class _Prediction(msgspec.Struct):
    """One of Vertex's predictions: a vector, or a picture."""

    embeddings: _Statistics | None = None
    bytesBase64Encoded: msgspec.Raw = msgspec.Raw()  # noqa: N815


class Native(msgspec.Struct):
    """The fields of native answers and stream events that tell usage; all others are skipped.

    message: Anthropic's, in the event that opens its stream. The later ones stand in Bedrock's answers, or in those of
    calls that only count.
    """

    usage: Any = None
    usageMetadata: Any = None  # noqa: N815
    message: msgspec.Raw = msgspec.Raw()
    predictions: list[_Prediction] | None = None
    prompt_token_count: Any = None
    generation_token_count: Any = None
    inputTextTokenCount: Any = None  # noqa: N815
    results: msgspec.Raw = msgspec.Raw()
    input_tokens: Any = None
    inputTokens: Any = None  # noqa: N815
    totalTokens: Any = None  # noqa: N815


class _TitanResult(msgspec.Struct):
    tokenCount: Any = None  # noqa: N815


read = msgspec.json.Decoder(Native).decode
_read_many = msgspec.json.Decoder(list[Native]).decode
_read_results = msgspec.json.Decoder(list[_TitanResult]).decode

_HEADER = b"x-amzn-bedrock-"
_TOKEN_COUNT = b"-token-count"


def tokens_of(body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> Tokens | None:
    """The usage that a whole answer tells, None when it tells none. Raises what msgspec raises."""
    if body[:1] == b"[":
        # Google's stream without `alt=sse` is one array; its last chunk has the sums.
        told = [each.usageMetadata for each in _read_many(body) if each.usageMetadata is not None]
        return of_gemini(told[-1]) if told else None
    answer = read(body)
    if answer.usage is not None:
        tokens = of_usage(answer.usage)
    elif answer.usageMetadata is not None:
        tokens = of_gemini(answer.usageMetadata)
    elif answer.predictions is not None:
        tokens = _of_predictions(answer.predictions)
    else:
        tokens = of_headers(headers) or _of_bare(answer)
    return tokens or of_headers(headers)


def of_usage(usage: Any) -> Tokens | None:
    """Tokens of a field `usage`: Anthropic's, Bedrock's, or OpenAI's where a provider serves other publishers."""
    if type(usage) is not dict:
        return None
    get = usage.get
    if "inputTokens" in usage:
        cached = get("cacheReadInputTokens", get("cacheReadInputTokenCount"))
        written = get("cacheWriteInputTokens", get("cacheWriteInputTokenCount"))
        return beside_cache(get("inputTokens"), get("outputTokens"), cached, written)
    if "prompt_tokens" in usage:
        return openai_usage.of_usage(usage)
    cached, written = get("cache_read_input_tokens"), get("cache_creation_input_tokens")
    return beside_cache(get("input_tokens"), get("output_tokens"), cached, written)


def beside_cache(heard: Any, said: Any, cached: Any, written: Any) -> Tokens | None:
    """Tokens where the input is told without what a cache read or wrote, as Anthropic and AWS do."""
    told = sides(heard, said, None)
    if told is None:
        return None
    cached, written = count(cached) or 0, count(written) or 0
    return Tokens(input=told[0] + cached + written, output=told[1], cached_input=cached, cache_write=written)


def of_gemini(usage: Any) -> Tokens | None:
    """Tokens of Google's `usageMetadata`, where a count of 0 is left out."""
    if type(usage) is not dict:
        return None
    get = usage.get
    told = sides(get("promptTokenCount"), get("candidatesTokenCount"), None)
    if told is None:
        return None
    thoughts, tools = count(get("thoughtsTokenCount")) or 0, count(get("toolUsePromptTokenCount")) or 0
    heard, said = get("promptTokensDetails"), get("candidatesTokensDetails")
    return Tokens(
        input=told[0] + tools,
        output=told[1] + thoughts,
        cached_input=count(get("cachedContentTokenCount")) or 0,
        reasoning=thoughts,
        audio_input=_of_modality(heard, "AUDIO"),
        audio_output=_of_modality(said, "AUDIO"),
        image_input=_of_modality(heard, "IMAGE"),
        image_output=_of_modality(said, "IMAGE"),
    )


def of_headers(headers: Iterable[tuple[bytes, bytes]]) -> Tokens | None:
    """Tokens of Bedrock's headers, which count what a publisher's own answer may not."""
    told: dict[bytes, int | None] = {}
    for name, value in headers:
        lower = name.lower()
        if lower.startswith(_HEADER) and lower.endswith(_TOKEN_COUNT):
            digits = value.strip()
            what = lower[len(_HEADER) : -len(_TOKEN_COUNT)]
            told[what] = count(int(digits)) if digits.isdigit() and len(digits) < 16 else None
    return beside_cache(*map(told.get, (b"input", b"output", b"cache-read-input", b"cache-write-input")))


def _of_modality(details: Any, modality: str) -> int:
    if type(details) is not list:
        return 0
    found = (each for each in details if type(each) is dict and each.get("modality") == modality)
    return sum(count(each.get("tokenCount")) or 0 for each in found)


def _of_predictions(predictions: list[_Prediction]) -> Tokens | None:
    images = sum(bool(each.bytesBase64Encoded) for each in predictions)
    if images:
        return Tokens(images=images)
    statistics = [each.embeddings.statistics for each in predictions if each.embeddings is not None]
    counts = [count(each.get("token_count")) if type(each) is dict else None for each in statistics]
    heard = [each for each in counts if each is not None]
    return Tokens(input=sum(heard)) if heard and len(heard) == len(counts) else None


def _of_bare(answer: Native) -> Tokens | None:
    """Tokens that stand in the answer itself: Llama's and Titan's. What was asked only to count used nothing."""
    if answer.prompt_token_count is not None:
        return beside_cache(answer.prompt_token_count, answer.generation_token_count, None, None)
    if answer.inputTextTokenCount is not None:
        results = _read_results(answer.results) if answer.results else []
        said = [count(each.tokenCount) for each in results]
        tokens = beside_cache(answer.inputTextTokenCount, 0, None, None)
        return tokens and replace(tokens, output=sum(each or 0 for each in said))
    counted = (answer.input_tokens, answer.inputTokens, answer.totalTokens)
    return Tokens() if any(count(each) is not None for each in counted) else None


class NativeEvents:
    """Reads the events of a provider's stream that tell usage.

    begun: what was told before the end: Anthropic tells the input when it begins. told: what was told at the end.
    """

    __slots__ = ("_first", "begun", "told")

    def __init__(self) -> None:
        self._first: dict[str, Any] = {}
        self.begun: Tokens | None = None
        self.told: Tokens | None = None

    def read(self, payload: bytes) -> None:
        """Read the JSON of one event. Raises what msgspec raises."""
        event = read(payload)
        if event.message:
            first = read(event.message).usage
            if type(first) is dict:
                self._first, self.begun = first, of_usage(first)
        elif type(event.usage) is dict:
            last = {name: value for name, value in event.usage.items() if value is not None}
            self.told = of_usage({**self._first, **last}) or self.told
