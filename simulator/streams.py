"""Streamed answers: their events in order, and how events become bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from simulator.wire import Json


@dataclass(frozen=True, slots=True)
class Framing:
    """How one API writes the events of a stream."""

    content_type: str
    encode: Callable[[Json], bytes]
    """The bytes of one event; more fields than the event's own may have been added to it."""
    terminator: bytes = b""
    """What follows the last event when the stream ends well."""
    error: Json | None = None
    """The event that reports a failure in band; None where the stream has no room for one."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that only the stream has."""


@dataclass(slots=True)
class Stream:
    """A streamed answer: what comes before the content, the content, and what comes after it."""

    opening: list[Json]
    contents: Iterable[Json]
    closing: list[Json]
    framing: Framing


def byte_stream(content_type: str, pieces: Iterable[bytes]) -> Stream:
    """A stream of bytes without any frame, such as sound."""
    return Stream([], ({"bytes": piece} for piece in pieces), [], Framing(content_type, itemgetter("bytes")))
