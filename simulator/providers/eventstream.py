"""`application/vnd.amazon.eventstream`: the binary frames of AWS, with both of their checksums."""

from __future__ import annotations

import base64
import struct
from zlib import crc32

from simulator.streams import Framing
from simulator.wire import Json, encode_json

_STRING = 7  # the type of a header's value


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message: lengths, their checksum, headers, payload, and a checksum of all that."""
    head = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    lengths = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    message = lengths + struct.pack(">I", crc32(lengths)) + head + payload
    return message + struct.pack(">I", crc32(message))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(f">B{len(name)}sBH{len(value)}s", len(name), name, _STRING, len(value), value)


def _encode(payload: Json) -> bytes:
    """The frame of an event `{kind: fields}`; what else is in the payload is put among the fields."""
    (kind, fields), *others = payload.items()
    fields = {**fields, **dict(others)}
    if kind == "chunk":  # a publisher's own event comes wrapped
        fields = {"bytes": base64.b64encode(encode_json(fields)).decode()}
    what = "exception" if kind.endswith("Exception") else "event"
    headers = {f":{what}-type": kind, ":content-type": "application/json", ":message-type": what}
    return frame(headers, encode_json(fields))


EVENTS = Framing(
    "application/vnd.amazon.eventstream",
    _encode,
    error={"modelStreamErrorException": {"message": "The model failed while it streamed.", "originalStatusCode": 500}},
    headers={"x-amzn-bedrock-content-type": "application/json"},
)
