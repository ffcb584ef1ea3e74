"""What an event stream tells of its usage while it passes."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.openai import native_usage, openai_usage, sse
from gateway.openai.operations import BY_NAME
from gateway.openai.produced import Produced, estimate
from gateway.openai.tokens import Tokens
from gateway.openai.usage import UNREADABLE

_USAGE = b'"usage"'
_GOOGLES = b'"usageMetadata"'
_NULLS = (b":null", b": null")
_RESPONSE_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})


class _Event(msgspec.Struct):
    """The fields of OpenAI's events that tell usage; all others are skipped."""

    type: Any = None
    usage: Any = None
    response: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Event).decode


class StreamUsage:
    """Reads the events of one answer. operation: by name. Never raises; what can't be read was not told."""

    __slots__ = ("_ended", "_googles", "_images", "_native", "_operation", "_said", "_told")

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._said = Produced(operation)
        self._native = native_usage.NativeEvents() if BY_NAME[operation].native else None
        # Google tells the sums with every event: the last one is kept as it came and read when it is asked for.
        self._googles = b""
        self._ended = False
        self._images = 0
        self._told: Tokens | None = None

    def feed(self, whole: bytes) -> None:
        """Read whole events as they are sent on."""
        self._said.feed(whole)
        if tells(whole):
            for event in sse.events(whole):
                if tells(event):
                    self._read(sse.data(event))
        if self._native is not None and _GOOGLES in whole:
            self._googles = whole
            self._ended = self._ended or b'"finishReason"' in whole

    @property
    def tokens(self) -> Tokens | None:
        """What the upstream told, None when the stream has not told it, or not to its end."""
        if self._native is not None:
            return self._native.told or (self._of_googles() if self._ended else None)
        return self._told

    @property
    def produced(self) -> int:
        """Estimated tokens of output so far."""
        return self._said.tokens

    def estimated(self, heard: int) -> Tokens:
        """What to bill when `tokens` is None: what was told so far, `heard` tokens of input where none were, and what
        was produced."""
        begun = self._native.begun or self._of_googles() if self._native is not None else None
        return estimate(begun, heard, self.produced)

    def _of_googles(self) -> Tokens | None:
        for event in reversed(sse.events(self._googles)):
            try:
                tokens = native_usage.of_gemini(native_usage.read(sse.data(event)).usageMetadata)
            except UNREADABLE:
                continue
            if tokens is not None:
                return tokens
        return None

    def _read(self, payload: bytes) -> None:
        try:
            if self._native is not None:
                self._native.read(payload)
            else:
                self._told = self._of_event(_decode(payload)) or self._told
        except UNREADABLE:
            return

    def _of_event(self, event: _Event) -> Tokens | None:
        match self._operation:
            case "response":
                if event.type not in _RESPONSE_ENDS:
                    return None
                tokens = openai_usage.of_response(event.response)
                # An upstream was seen to end its streams with a usage of nothing but zeros.
                return tokens if tokens is None or tokens.total or not self.produced else None
            case "image_generation" | "image_edit":
                self._images += 1
                return openai_usage.of_pictures(event.usage, self._images)
            case "audio_transcription" | "audio_translation":
                return openai_usage.of_sound(event.usage)
            case "audio_speech":
                return openai_usage.of_speech(event.usage)
        return openai_usage.of_usage(event.usage)


def tells(whole: bytes) -> bool:
    """Whether a field `usage` with a value is among these bytes; null stands in every chunk of some streams.

    A quote inside a string is escaped, so text that speaks of the field does not look like it.
    """
    at = whole.find(_USAGE)
    while at >= 0:
        if not whole.startswith(_NULLS, at + len(_USAGE)):
            return True
        at = whole.find(_USAGE, at + len(_USAGE))
    return False
