"""What a JSON answer that is too long to be held tells of its usage while it passes: by its two ends."""

from __future__ import annotations

import json
from typing import Any

from gateway.openai import native_usage, openai_usage
from gateway.openai.operations import BY_NAME
from gateway.openai.tokens import Tokens

# Usage stands before or behind the vectors or pictures that make an answer long.
END = 4096
_FIELDS = (b'"usage"', b'"usageMetadata"')
_PICTURES = (b'"b64_json"', b'"url"')

_value_at = json.JSONDecoder().raw_decode


class LongUsage:
    """Reads the bytes of one answer. operation: by name. Never raises; what can't be read was not told."""

    __slots__ = ("_head", "_images", "_operation", "_tail")

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._head = b""
        self._tail = b""
        self._images = 0

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes."""
        if self._operation in ("image_generation", "image_edit"):
            for mark in _PICTURES:
                # So much of what came before as is short of a mark by one byte: none is missed and none found twice.
                self._images += (self._tail[1 - len(mark) :] + chunk).count(mark)
        if len(self._head) < END:
            self._head += chunk[: END - len(self._head)]
        self._tail = (self._tail + chunk[-END:])[-END:]

    @property
    def tokens(self) -> Tokens | None:
        """What the upstream told, None when it told nothing that was found."""
        for end in (self._tail, self._head):
            for field in _FIELDS:
                tokens = self._of(_object_behind(end, field), field)
                if tokens is not None:
                    return tokens
        return Tokens(images=self._images) if self._images else None

    def _of(self, usage: Any, field: bytes) -> Tokens | None:
        if self._images:
            return openai_usage.of_pictures(usage, self._images) if usage is not None else None
        if field == b'"usageMetadata"':
            return native_usage.of_gemini(usage)
        if BY_NAME[self._operation].native:
            return native_usage.of_usage(usage)
        return openai_usage.of_usage(usage)


def _object_behind(end: bytes, field: bytes) -> Any:
    """The object that is the value of the last such field; None for no such field or no object."""
    _, found, behind = end.rpartition(field)
    behind = behind.lstrip(b": \t\r\n")
    if not found or not behind.startswith(b"{"):
        return None
    try:
        return _value_at(behind.decode("utf-8", "replace"))[0]
    except (ValueError, RecursionError):
        return None
