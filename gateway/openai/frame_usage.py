"""What Bedrock's binary stream (`application/vnd.amazon.eventstream`) tells of its usage while it passes."""

from __future__ import annotations

import struct
from typing import Any
from zlib import crc32

import msgspec

from gateway.openai.native_usage import NativeEvents, beside_cache
from gateway.openai.produced import Produced, estimate
from gateway.openai.stream_usage import tells
from gateway.openai.tokens import Tokens
from gateway.openai.usage import UNREADABLE

# A frame: lengths of all of it and of its headers, their checksum; headers, payload; a checksum of everything.
_PRELUDE = struct.Struct(">III")
_CHECKSUM = 4
# What tells usage is short. A longer frame is passed over, so that none is held whole.
LARGEST = 1024 * 1024


class _Frame(msgspec.Struct):
    """The payload of a publisher's own event: its JSON, wrapped as base64."""

    inner: bytes = msgspec.field(name="bytes", default=b"")


class _Metrics(msgspec.Struct):
    metrics: dict[str, Any] | None = msgspec.field(name="amazon-bedrock-invocationMetrics", default=None)


_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_metrics = msgspec.json.Decoder(_Metrics).decode


class FrameUsage:
    """Reads the frames of one answer from bytes cut anywhere. Never raises; what can't be read was not told."""

    __slots__ = ("_events", "_lost", "_measured", "_rest", "_said", "_skip")

    def __init__(self) -> None:
        self._said = Produced("bedrock")
        self._events = NativeEvents()
        self._measured: Tokens | None = None
        self._rest = b""
        self._skip = 0
        self._lost = False

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes."""
        skipped = min(self._skip, len(chunk))
        self._skip -= skipped
        data = self._rest + chunk[skipped:]
        at = 0
        while not self._lost and len(data) - at >= _PRELUDE.size:
            length, head, checksum = _PRELUDE.unpack_from(data, at)
            if crc32(data[at : at + 8]) != checksum or length < _PRELUDE.size + head + _CHECKSUM:
                # These are no frames, or not where they should be: nothing after it would be found either.
                self._lost = True
            elif length > LARGEST:
                self._skip = max(at + length - len(data), 0)
            elif at + length > len(data):
                break
            else:
                self._read(data[at + _PRELUDE.size + head : at + length - _CHECKSUM])
            at += length
        self._rest = b"" if self._lost else data[at:]

    @property
    def tokens(self) -> Tokens | None:
        """What the upstream told, None when the stream has not told it, or not to its end."""
        return self._measured or self._events.told

    @property
    def produced(self) -> int:
        """Estimated tokens of output so far."""
        return self._said.tokens

    def estimated(self, heard: int) -> Tokens:
        """What to bill when `tokens` is None; see StreamUsage."""
        return estimate(self._events.begun, heard, self.produced)

    def _read(self, payload: bytes) -> None:
        try:
            event = _decode_frame(payload).inner or payload
            self._said.feed(event)
            if b"invocationMetrics" in event:
                names = ("inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
                metrics = _decode_metrics(event).metrics or {}
                self._measured = beside_cache(*map(metrics.get, names)) or self._measured
            if tells(event):
                self._events.read(event)
        except UNREADABLE:
            return
