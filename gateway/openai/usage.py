"""What a whole answer tells of its usage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.openai import native_usage, openai_usage
from gateway.openai.operations import BY_NAME
from gateway.openai.tokens import Tokens

# What msgspec raises for bytes that are no JSON or not of the shape, and for what is nested too deeply.
UNREADABLE = (msgspec.DecodeError, RecursionError)

_OF = {
    "image_generation": openai_usage.of_images,
    "image_edit": openai_usage.of_images,
    "audio_transcription": openai_usage.of_recording,
    "audio_translation": openai_usage.of_recording,
    "rerank": openai_usage.of_rerank,
    "response": openai_usage.of_response,
}


class _Speech(msgspec.Struct):
    input: Any = None


_decode_speech = msgspec.json.Decoder(_Speech).decode


def tokens_of(operation: str, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> Tokens | None:
    """The usage that a whole answer tells, None when it tells none. Never raises.

    operation: by name. headers: the answer's; Bedrock counts in them.
    """
    if operation in ("batch", "file"):
        # What a batch uses is told in its output, line by line; the calls about it use nothing.
        return Tokens()
    native = BY_NAME[operation].native
    try:
        if native:
            return native_usage.tokens_of(body, headers)
        return _OF.get(operation, openai_usage.of_answer)(body)
    except UNREADABLE:
        return native_usage.of_headers(headers) if native else None


def spoken_characters(body: bytes) -> int:
    """How many characters a call for speech (its request's body) asks to be spoken; 0 when it can't be read."""
    try:
        spoken = _decode_speech(body).input
    except UNREADABLE:
        return 0
    return len(spoken) if isinstance(spoken, str) else 0
