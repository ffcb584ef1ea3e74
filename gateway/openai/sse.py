"""Server-sent events, as far as a relay must understand them (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import msgspec

from gateway.errors import GatewayError

KEEPALIVE = b": keep-alive\n\n"

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class Kind(Enum):
    """What one event means to a relay that has not committed its answer yet."""

    PRELUDE = "no data at all, as a comment"
    OPENING = "data before any content: Azure's chunk without choices, or the role alone"
    ERROR = "an error told in band, under a status of 200"
    CONTENT = "the answer has begun"


def complete(buffer: bytes) -> int:
    """The length of the part of a buffer that ends with its last whole event; 0 if there is none."""
    # The usual chunk is one or more whole events: one look at its end.
    if buffer.endswith((b"\n\n", b"\r\n\r\n")):
        return len(buffer)
    return max(_end_of(buffer, mark) for mark in (b"\n\n", b"\r\n\r\n", b"\r\r"))


def _end_of(buffer: bytes, mark: bytes) -> int:
    at = buffer.rfind(mark)
    return at + len(mark) if at >= 0 else 0


def events(whole: bytes) -> list[bytes]:
    """The events of a buffer that ends with a whole one, without their blank lines."""
    return [event for event in _BLANK_LINE.split(whole) if event]


def data(event: bytes) -> bytes:
    """An event's data field; several lines are joined."""
    lines = (line for line in event.splitlines() if line.startswith(b"data:"))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)


def is_over(whole: bytes, end_mark: bytes) -> bool:
    """Whether one of these events is the mark that ends a stream; a mark that is spoken of in content is none."""
    return end_mark in whole and any(data(event).strip() == end_mark for event in events(whole))


def kind(event: bytes) -> Kind:
    """Tell an event that carries an error or nothing yet from the first that carries an answer."""
    payload = data(event)
    if not payload:
        return Kind.PRELUDE
    if b'"error"' not in payload and b'"choices"' not in payload:
        return Kind.CONTENT
    try:
        chunk: Any = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return Kind.CONTENT
    if not isinstance(chunk, dict):
        return Kind.CONTENT
    if chunk.get("error"):
        return Kind.ERROR
    choices = chunk.get("choices")
    if choices == [] and not chunk.get("usage"):
        # Azure opens a chat stream with its prompt's filter results and an empty list of choices.
        return Kind.OPENING
    return Kind.OPENING if isinstance(choices, list) and choices and all(map(_role_alone, choices)) else Kind.CONTENT


def _role_alone(choice: Any) -> bool:
    """Whether a chat chunk's choice says who speaks and nothing else."""
    delta = choice.get("delta") if isinstance(choice, dict) else None
    if not isinstance(delta, dict) or "role" not in delta or choice.get("finish_reason"):
        return False
    return not any(value for field, value in delta.items() if field != "role")


def error_event(error: GatewayError, operation: str) -> bytes:
    """The event that ends a stream which can't be finished; SDKs raise their API error for it.

    operation: by name; native ones have their provider's shape, all others OpenAI's.
    """
    if operation == "anthropic":
        told: Any = {"type": "error", "error": {"type": "api_error", "message": error.message}}
        return b"event: error\ndata: " + msgspec.json.encode(told) + b"\n\n"
    if operation in ("gemini", "vertex"):
        told = {"error": {"code": error.status, "message": error.message, "status": "UNAVAILABLE"}}
        return b"data: " + msgspec.json.encode(told) + b"\n\n"
    return b"data: " + error.body() + b"\n\n"
