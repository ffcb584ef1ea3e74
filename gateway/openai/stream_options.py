"""Ask for a stream's usage where the caller did not, and withhold it from the caller's stream."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from gateway.openai import sse
from gateway.openai.json_edit import fields, is_named, put_first

_OPTIONS = "stream_options"
_ASKED = b'{"include_usage":true}'

_USAGE = b'"usage"'
_DATA = b"data:"
_EXTRA = object()
_BORDER = re.compile(rb"(\r\n\r\n|\n\n|\r\r)")
_PLAIN = b',"usage":null'
_NULL = re.compile(rb'"usage"[ \t]*:[ \t]*null')


class _Chunk(msgspec.Struct):
    """Of a chat or completion chunk what tells whether it is the extra one."""

    choices: msgspec.Raw = msgspec.Raw()
    usage: Any = msgspec.UNSET


_decode = msgspec.json.Decoder(_Chunk).decode


def ask_usage(body: bytes) -> bytes | None:
    """The body (a JSON object with `"stream": true`) with usage asked for; None when the caller asked, or asked in a
    way that only the upstream can judge."""
    if b"stream_options" not in body and b"\\u" not in body:
        return put_first(body, b'"stream_options":' + _ASKED)
    span = None
    for key, start, end in fields(body):
        # Of two fields with one name the last one counts.
        if is_named(key, _OPTIONS):
            span = start, end
    if span is None:
        return put_first(body, b'"stream_options":' + _ASKED)
    asked = _asking(body[slice(*span)])
    return None if asked is None else body[: span[0]] + asked + body[span[1] :]


def _asking(options: bytes) -> bytes | None:
    """Stream options that ask for usage and keep all others; None when they do, or are no options at all."""
    if options == b"null":
        return _ASKED
    if not options.startswith(b"{"):
        return None
    span = None
    for key, start, end in fields(options):
        if is_named(key, "include_usage"):
            span = start, end
    if span is None:
        return put_first(options, b'"include_usage":true')
    refused = options[slice(*span)] in (b"false", b"null")
    return options[: span[0]] + b"true" + options[span[1] :] if refused else None


def withhold(whole: bytes) -> bytes:
    """Whole events of a stream whose usage the caller did not ask for, as they would have been.

    The extra chunk, without choices, is dropped; `"usage": null`, which all others have for it, is taken out. A usage
    beside choices is the upstream's own and stays. What is left of a buffer may be nothing.
    """
    if _USAGE not in whole:
        return whole
    if whole.count(_USAGE) == 1 and whole.startswith(_DATA):
        # The usual buffer is one event with one such field: if it is the object's own, no search can go wrong.
        at = whole.find(_PLAIN)
        if at >= 0 and _own_usage(whole[len(_DATA) :]) is None:
            return whole[:at] + whole[at + len(_PLAIN) :]
    parts = _BORDER.split(whole)
    kept: list[bytes] = []
    for event, border in zip(parts[::2], [*parts[1::2], b""], strict=True):
        if _USAGE in event:
            edited = _withhold_from(event)
            if edited is not None:
                kept += (edited, border)
        else:
            kept += (event, border)
    return b"".join(kept)


def _own_usage(payload: bytes) -> Any:
    """A chunk's `usage`; _EXTRA for that of the extra one, UNSET for none and for what is no chunk."""
    try:
        chunk = _decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return msgspec.UNSET
    extra = isinstance(chunk.usage, dict) and b"".join(bytes(chunk.choices).split()) == b"[]"
    return _EXTRA if extra else chunk.usage


def _withhold_from(event: bytes) -> bytes | None:
    """One event, None for the extra chunk."""
    payload = sse.data(event)
    usage = _own_usage(payload)
    if usage is _EXTRA:
        return None
    return _without_null(event, payload) if usage is None else event


def _without_null(event: bytes, payload: bytes) -> bytes:
    """One event without the object's own `"usage": null`; text and inner objects that look like it stay."""
    spans = [found.span() for found in _NULL.finditer(event)]
    if event.count(_USAGE) > 1:
        # Data in several lines is not found, and nobody writes chunks so: it stays as it is.
        offset = event.find(payload)
        own = offset >= 0 and {offset + end for key, _, end in fields(payload) if is_named(key, "usage")}
        spans = [span for span in spans if own and span[1] in own]
    for start, end in reversed(spans):
        event = _cut(event, start, end)
    return event


def _cut(event: bytes, start: int, end: int) -> bytes:
    """Without the field from `start` to `end` and the comma before it, or behind it where it is the first."""
    before = event[:start].rstrip()
    if before.endswith(b","):
        return before[:-1] + event[end:]
    behind = event[end:].lstrip()
    return event[:start] + (behind[1:].lstrip() if behind.startswith(b",") else behind)
