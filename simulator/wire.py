"""The bytes of HTTP/1.1 answers and of server-sent events."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

Json = dict[str, Any]

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

encode_json = msgspec.json.Encoder().encode

_REASONS = {status.value: status.phrase for status in HTTPStatus}


def head(status: int, headers: Mapping[str, str], *framing: str) -> bytes:
    """Status line and headers; `framing` are whole header lines that say how the body ends."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Simulated')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, *framing, "\r\n")).encode("latin-1", "replace")


def length(body: bytes) -> str:
    """The framing of a body whose length is known."""
    return f"content-length: {len(body)}"


CHUNKED = "transfer-encoding: chunked"
UNTIL_CLOSE = "connection: close"


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(payload: Json) -> bytes:
    """One server-sent event."""
    return b"data: " + encode_json(payload) + b"\n\n"


def named_event(payload: Json) -> bytes:
    """One server-sent event that bears its payload's `type` as its name."""
    return b"event: %b\ndata: %b\n\n" % (payload["type"].encode(), encode_json(payload))
