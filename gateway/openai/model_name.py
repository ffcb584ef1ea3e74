"""Put another model name into a JSON body without touching any other byte."""

from __future__ import annotations

import json
import re

# Strings are swallowed whole, so that what stands inside them is never taken for structure.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)


def swap_model(body: bytes, name: str) -> bytes:
    """The body (a valid JSON object) with `name` as its top-level `model`; put first when it has none."""
    span = _model_span(body)
    value = json.dumps(name).encode()
    if span is not None:
        return body[: span[0]] + value + body[span[1] :]
    start = body.index(b"{") + 1
    rest = body[start:]
    return body[:start] + b'"model":' + value + (b"" if rest.lstrip()[:1] == b"}" else b",") + rest


def _model_span(body: bytes) -> tuple[int, int] | None:
    """Where the value of the top-level `model` stands; of the last one, which is the one that parsers keep."""
    depth = 0
    key = b""
    value_start = -1
    previous = b""
    found = None
    for token in _TOKEN.finditer(body):
        text = token.group()
        if depth == 1 and text in (b",", b"}"):
            if value_start >= 0 and _names_model(key):
                found = _trimmed(body, value_start, token.start())
            value_start = -1
        elif depth == 1 and text == b":" and value_start < 0:
            key, value_start = previous, token.end()
        if text in (b"{", b"["):
            depth += 1
        elif text in (b"}", b"]"):
            depth -= 1
        previous = text
    return found


def _names_model(key: bytes) -> bool:
    return key == b'"model"' or (b"\\" in key and json.loads(key) == "model")


def _trimmed(body: bytes, start: int, end: int) -> tuple[int, int]:
    value = body[start:end]
    return start + len(value) - len(value.lstrip()), end - (len(value) - len(value.rstrip()))
