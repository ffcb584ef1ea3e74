"""Scripts: how a simulated deployment behaves, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import chain, repeat
from typing import Any, Literal

import msgspec

Fault = tuple[Literal["cut", "stall", "error"], int]

_AT_LEAST_ZERO = ("latency_ms", "first_byte_ms", "interval_ms", "cut_after", "error_after", "stall_after")
_AT_LEAST_ONE = ("chunks", "chunk_bytes", "split", "times")
_FAULTS: tuple[Literal["cut", "stall", "error"], ...] = ("cut", "stall", "error")


class ScriptError(ValueError):
    """A script that cannot be followed; the message names the field and the rule."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """How a simulated deployment answers. The default answers at once and well.

    *Chunks* are the stream's content chunks: pieces of text or of sound, partial images. Neither the opening ones
    (Azure's filter results, the role, `response.created`, `message_start`) nor the closing ones (finish, usage) count.
    A plain answer has no chunks: there 0 means after the headers, and any larger number half-way through the body.
    """

    times: int | None = None
    """Calls this script applies to. Without it: one call, and for ever when it is the last of its list."""

    key: str | None = None
    """The only key accepted, in whatever way the API that is called takes one; of a signed AWS request it is the
    access key's id. Without it any key is accepted; none is refused."""

    status: int = 200
    """HTTP status. From 400 on the answer is an error in the style of the API that was called."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers added to the answer, or put in the place of its own."""

    body: Any = None
    """The whole answer instead of the simulated one: any JSON value, or a string to be sent as it is."""

    latency_ms: float = 0
    """Wait before the status line."""

    first_byte_ms: float = 0
    """Wait between the headers and the first byte of the body."""

    interval_ms: float = 0
    """Wait between two events of a stream, and between the last one and a fault."""

    chunks: int | None = None
    """Pieces of content in the answer. Without it: one for each word of the greeting, and as many partial images as
    the request wants. A file's content is then streamed in so many pieces of text instead of its own bytes."""

    chunk_bytes: int | None = None
    """Bytes of each piece of content, or characters of each picture's base64. Without it: as long as its word, 1 KB
    of sound, one pixel."""

    opening: bool = True
    """Begin a stream with the chunks that have no content: Azure's filter results, the role, `message_start`."""

    stamp: bool = False
    """Put `sent_at`, this machine's monotonic clock in seconds, into each event of a stream; bytes have no room."""

    split: int | None = None
    """Write each event of a stream in pieces of this many bytes."""

    no_terminator: bool = False
    """End the answer by closing the connection, the HTTP/1.0 way: no length, no chunks, no `[DONE]`."""

    refuse: bool = False
    """Reset the connection without a byte of answer."""

    cut_after: int | None = None
    """Drop the connection after so many chunks; 0 is right after the headers."""

    cut_cleanly: bool = False
    """Cut by an ordinary close (the body's terminator is missing) instead of a reset."""

    stall_after: int | None = None
    """Fall silent after so many chunks, until the client leaves; 0 is right after the headers."""

    error_after: int | None = None
    """End a stream after so many chunks with an in-band error, such as `data: {"error": …}`, in the form of the API
    that is called; 0 is before any content. With `opening` false and 0 the error is the very first event. Plain
    answers and streams of bytes are not touched."""

    def __post_init__(self) -> None:
        for names, least in ((_AT_LEAST_ZERO, 0), (_AT_LEAST_ONE, 1)):
            for name in names:
                value = getattr(self, name)
                if value is not None and value < least:
                    raise ScriptError(f"{name}: must be at least {least}, not {value}")
        if not 200 <= self.status <= 599 or self.status in (204, 304):
            raise ScriptError(f"status: must be 200 to 599, and one that has a body, not {self.status}")
        for name, text in self.headers.items():
            if not name or any(c in "\r\n" for c in name + text):
                raise ScriptError(f"headers: {name!r} must be one line of name and value")
        faults = [f"{kind}_after" for kind in _FAULTS if getattr(self, f"{kind}_after") is not None]
        if len(faults) > 1:
            raise ScriptError(f"{faults[1]}: cannot be used together with {faults[0]}")
        if self.fault and self.chunks is not None and self.fault[1] > self.chunks:
            raise ScriptError(f"{faults[0]}: {self.fault[1]} is past the last of {self.chunks} chunks")

    @cached_property
    def fault(self) -> Fault | None:
        """What befalls the body, and after how many chunks."""
        for kind in _FAULTS:
            after = getattr(self, f"{kind}_after")
            if after is not None:
                return kind, after
        return None

    @cached_property
    def prompt(self) -> bool:
        """Whether a plain answer leaves at once, whole and well framed."""
        waits = self.latency_ms or self.first_byte_ms
        return not (
            waits or self.refuse or self.no_terminator or self.cut_after is not None or self.stall_after is not None
        )

    @classmethod
    def from_json(cls, value: object) -> Script:
        """Read one script from decoded JSON. Raises ScriptError, which names the field."""
        if not isinstance(value, dict):
            raise ScriptError("a script must be a JSON object")
        known = [each.name for each in fields(cls)]
        for name in value:
            if name not in known:
                raise ScriptError(f"{name}: unknown field; a script has {', '.join(known)}")
        try:
            return msgspec.convert(value, cls)
        except msgspec.ValidationError as error:
            raise ScriptError(str(error)) from error


DEFAULT = Script()


class Playbook:
    """Which script each deployment follows for its next call."""

    def __init__(self) -> None:
        self._turns: dict[str, Iterator[Script]] = {}

    def write(self, deployment: str, scripts: tuple[Script, ...]) -> None:
        """Let `deployment` follow `scripts` in order, from now on; none brings the default back."""
        if not scripts:
            self._turns.pop(deployment, None)
            return
        *first, last = scripts
        turns = chain.from_iterable(repeat(script, script.times or 1) for script in first)
        self._turns[deployment] = chain(turns, repeat(last) if last.times is None else repeat(last, last.times))

    def take(self, deployment: str) -> Script:
        """The script for one more call of `deployment`."""
        turns = self._turns.get(deployment)
        return DEFAULT if turns is None else next(turns, DEFAULT)

    def clear(self) -> None:
        """Bring every deployment back to the default."""
        self._turns.clear()
