"""Where bodies say how much output they want at most, and how a body is held to less."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from gateway.openai.json_edit import fields, is_named, put_first

FLAT = ("max_completion_tokens", "max_tokens", "max_output_tokens", "max_tokens_to_sample", "max_gen_len")
# Google takes its names in both spellings; Bedrock has those of its publishers.
_GOOGLES = ("maxOutputTokens", "max_output_tokens")
NESTED = {
    "generationConfig": _GOOGLES,
    "generation_config": _GOOGLES,
    "inferenceConfig": ("maxTokens", "max_new_tokens"),
    "textGenerationConfig": ("maxTokenCount",),
}

# The fields that an operation itself knows; the last one is added where none is there. Anthropic's is required, and
# its calls that only count take none.
_OWN = {
    "chat": ("max_completion_tokens", "max_tokens"),
    "completion": ("max_tokens",),
    "response": ("max_output_tokens",),
}

# OpenAI's models that refuse `max_tokens`; all others take it, and some nothing else.
_REASONS = re.compile(r"(?:[\w.-]+/)?(?:o\d|gpt-[5-9])")

_decode = msgspec.json.decode


def cap_output(body: bytes, operation: str, cap: int, model: str | None = None) -> bytes:
    """The body (a JSON object) with each of its output limits that is larger set to `cap`, and every other byte as it
    was. A chat, completion or response without any gets one, a chat of a reasoning model the only one it takes."""
    own = _OWN.get(operation, ())
    if operation == "chat" and model is not None and _REASONS.match(model):
        own = own[:1]
    given = False
    unset: tuple[int, int] | None = None
    edits: list[tuple[int, int]] = []
    for key, start, end in fields(body):
        name = next((each for each in (*FLAT, *NESTED) if is_named(key, each)), None)
        if name in NESTED:
            edits += _larger(body, start, end, NESTED[name], cap)
        elif name is not None:
            if _exceeds(body[start:end], cap):
                edits.append((start, end))
            if name in own:
                # A null is no limit, but one that may become it.
                if body[start:end] == b"null":
                    unset = start, end
                else:
                    given = True
    if own and not given and unset is not None:
        edits = sorted([*edits, unset])
    for start, end in reversed(edits):
        body = body[:start] + b"%d" % cap + body[end:]
    if own and not given and unset is None:
        body = put_first(body, b'"%b":%d' % (own[-1].encode(), cap))
    return body


def _larger(body: bytes, start: int, end: int, names: tuple[str, ...], cap: int) -> list[tuple[int, int]]:
    """Where in the object from `start` to `end` a field of these names exceeds the cap."""
    inner = body[start:end]
    if not inner.startswith(b"{"):
        return []
    return [
        (start + first, start + last)
        for key, first, last in fields(inner)
        if any(is_named(key, name) for name in names) and _exceeds(inner[first:last], cap)
    ]


def _exceeds(value: bytes, cap: int) -> bool:
    """Whether a limit as it is written lets more through than the cap.

    Some upstreams read a number from a string, and take a negative one for no limit at all.
    """
    try:
        told: Any = _decode(value)
        return not 0 <= float(told) <= cap
    except (ValueError, TypeError, OverflowError, RecursionError):
        # A number too large to be read is larger; a list, a text or null is the upstream's to judge.
        return value[:1].isdigit() or value[:1] == b"-"
