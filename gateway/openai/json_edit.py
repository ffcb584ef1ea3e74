"""Change a JSON object's own fields without touching any other byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# Strings are swallowed whole, so that what stands inside them is never taken for structure; lists of numbers too, so
# that token ids by the hundred thousand are one step.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|\[[-+.eE\d\s,]*+\]|[{}\[\]:,]', re.DOTALL)


def swap_model(body: bytes, name: str) -> bytes:
    """The body (a valid JSON object) with `name` as its `model`; put first when it has none."""
    span = None
    for key, start, end in fields(body):
        # The last one counts: of two fields with one name that is the one which parsers keep.
        if is_named(key, "model"):
            span = start, end
    value = json.dumps(name).encode()
    if span is not None:
        return body[: span[0]] + value + body[span[1] :]
    return put_first(body, b'"model":' + value)


def add_defaults(body: bytes, defaults: Mapping[str, Any]) -> bytes:
    """The body with those of `defaults` that it leaves out, put first."""
    given = {json.loads(key) for key, _, _ in fields(body)}
    missing = {name: value for name, value in defaults.items() if name not in given}
    return put_first(body, json.dumps(missing)[1:-1].encode()) if missing else body


def put_first(body: bytes, added: bytes) -> bytes:
    """The body with `added`, one field or more as JSON, before its own."""
    start = body.index(b"{") + 1
    rest = body[start:]
    return body[:start] + added + (b"" if rest.lstrip()[:1] == b"}" else b",") + rest


def fields(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The object's own fields: the key as it is written, and where its value starts and ends."""
    depth = 0
    start = -1
    key = previous = b""
    for token in _TOKEN.finditer(body):
        text = token.group()
        if depth == 1 and text in (b",", b"}"):
            if start >= 0:
                value = body[start : token.start()]
                yield key, start + len(value) - len(value.lstrip()), start + len(value.rstrip())
            start = -1
        elif depth == 1 and text == b":" and start < 0:
            key, start = previous, token.end()
        if text in (b"{", b"["):
            depth += 1
        elif text in (b"}", b"]"):
            depth -= 1
        previous = text


def is_named(key: bytes, name: str) -> bool:
    """Whether a key as it is written means this name."""
    return key[1:-1] == name.encode() or (b"\\" in key and json.loads(key) == name)
