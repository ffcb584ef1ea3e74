"""What OpenAI's answers tell of their usage; bytes that can't be read raise what msgspec raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from gateway.openai.tokens import MOST, Tokens, count, sides

_NOTHING: Mapping[str, Any] = {}
_Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


class _Details(msgspec.Struct, gc=False):
    """Parts of either side."""

    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None
    reasoning_tokens: _Count | None = None
    audio_tokens: _Count | None = None
    image_tokens: _Count | None = None


class _Counted(msgspec.Struct, gc=False):
    """The usage of nearly every chat, read at once. What has another shape, or DeepSeek's own field, is not read so."""

    prompt_tokens: _Count
    completion_tokens: _Count
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: None = None


class _CountedAnswer(msgspec.Struct, gc=False):
    """An answer with such a usage; all other fields are skipped."""

    usage: _Counted


class _Answer(msgspec.Struct):
    """An answer with any usage, or none."""

    usage: msgspec.Raw = msgspec.Raw()


class _Images(msgspec.Struct):
    usage: Any = None
    data: msgspec.Raw = msgspec.Raw()


class _Heard(msgspec.Struct):
    usage: Any = None
    duration: Any = None


class _Ranked(msgspec.Struct):
    usage: Any = None
    meta: Any = None


class _Response(msgspec.Struct):
    usage: Any = None
    output: msgspec.Raw = msgspec.Raw()


_NO_DETAILS = _Details()

_decode_any = msgspec.json.Decoder().decode
_decode_counted = msgspec.json.Decoder(_CountedAnswer).decode
_decode = msgspec.json.Decoder(_Answer).decode
_decode_images = msgspec.json.Decoder(_Images).decode
_decode_heard = msgspec.json.Decoder(_Heard).decode
_decode_ranked = msgspec.json.Decoder(_Ranked).decode
_decode_response = msgspec.json.Decoder(_Response).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def of_answer(body: bytes) -> Tokens | None:
    """Tokens of any answer that has nothing but `usage` to tell."""
    try:
        usage = _decode_counted(body).usage
    except msgspec.DecodeError:
        told = _decode(body).usage
        return of_usage(_decode_any(told)) if told else None
    heard, said = usage.prompt_tokens_details, usage.completion_tokens_details
    if heard is None and said is None:
        return Tokens(usage.prompt_tokens, usage.completion_tokens)
    heard, said = heard or _NO_DETAILS, said or _NO_DETAILS
    return Tokens(
        input=usage.prompt_tokens,
        output=usage.completion_tokens,
        cached_input=heard.cached_tokens or 0,
        cache_write=heard.cache_write_tokens or 0,
        reasoning=said.reasoning_tokens or 0,
        audio_input=heard.audio_tokens or 0,
        audio_output=said.audio_tokens or 0,
        image_input=heard.image_tokens or 0,
        image_output=said.image_tokens or 0,
    )


def of_usage(usage: Any) -> Tokens | None:
    """Tokens of OpenAI's `usage`, in the words of chat (`prompt_tokens`) or of its later APIs (`input_tokens`)."""
    if type(usage) is not dict:
        return None
    get = usage.get
    heard = get("prompt_tokens")
    if heard is None and "input_tokens" in usage:
        told = sides(get("input_tokens"), get("output_tokens"), get("total_tokens"))
        inputs = get("input_tokens_details", get("input_token_details"))
        outputs = get("output_tokens_details")
    else:
        told = sides(heard, get("completion_tokens"), get("total_tokens"))
        inputs, outputs = get("prompt_tokens_details"), get("completion_tokens_details")
    if told is None:
        return None
    inputs = inputs if type(inputs) is dict else _NOTHING
    outputs = outputs if type(outputs) is dict else _NOTHING
    return Tokens(
        input=told[0],
        output=told[1],
        # DeepSeek tells its cache beside the counts.
        cached_input=count(inputs.get("cached_tokens", get("prompt_cache_hit_tokens"))) or 0,
        cache_write=count(inputs.get("cache_write_tokens")) or 0,
        reasoning=count(outputs.get("reasoning_tokens")) or 0,
        audio_input=count(inputs.get("audio_tokens")) or 0,
        audio_output=count(outputs.get("audio_tokens")) or 0,
        image_input=count(inputs.get("image_tokens")) or 0,
        image_output=count(outputs.get("image_tokens")) or 0,
    )


def of_response(body: bytes | msgspec.Raw) -> Tokens | None:
    """Tokens of a response; an all-zero usage beside output is not believed."""
    response = _decode_response(body)
    tokens = of_usage(response.usage)
    if tokens is not None and not tokens.total and bytes(response.output) not in (b"", b"[]", b"null"):
        return None
    return tokens


def of_pictures(usage: Any, images: int) -> Tokens | None:
    """Tokens of so many images made; output that is not told apart is pictures."""
    tokens = of_usage(usage)
    if tokens is None:
        return Tokens(images=images) if images else None
    shown = tokens.image_output if type(usage.get("output_tokens_details")) is dict else tokens.output
    return replace(tokens, images=images, image_output=shown)


def of_speech(usage: Any) -> Tokens | None:
    """Tokens of speech, whose whole output is sound."""
    tokens = of_usage(usage)
    return None if tokens is None else replace(tokens, audio_output=tokens.output)


def of_images(body: bytes) -> Tokens | None:
    """Tokens of images made; where none are told, their number."""
    answer = _decode_images(body)
    data = bytes(answer.data)
    return of_pictures(answer.usage, len(_decode_list(data)) if data[:1] == b"[" else 0)


def of_recording(body: bytes) -> Tokens | None:
    """Tokens or seconds of a transcription or translation."""
    heard = _decode_heard(body)
    return of_sound(heard.usage, heard.duration)


def of_sound(usage: Any, duration: Any = None) -> Tokens | None:
    """Tokens of sound that was heard, or its seconds where it is counted by them."""
    tokens = of_usage(usage) or Tokens()
    for told in (usage.get("seconds") if type(usage) is dict else None, duration):
        if isinstance(told, int | float) and 0 < told <= MOST:
            return replace(tokens, seconds=float(told))
    return tokens if tokens.total else None


def of_rerank(body: bytes) -> Tokens | None:
    """Tokens as Jina and Voyage tell them, or searches and tokens as Cohere bills them."""
    answer = _decode_ranked(body)
    tokens = of_usage(answer.usage)
    billed = answer.meta.get("billed_units") if type(answer.meta) is dict else None
    if type(billed) is not dict:
        return tokens
    queries = count(billed.get("search_units"))
    tokens = tokens or of_usage(billed)
    return tokens if queries is None else replace(tokens or Tokens(), queries=queries)
