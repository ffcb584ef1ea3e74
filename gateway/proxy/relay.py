"""Carry an upstream's answer to the caller, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from gateway.asgi import DirectSend, Send, pairs
from gateway.asgi import answer as send_whole
from gateway.errors import StreamInterrupted
from gateway.openai import headers as wire_headers
from gateway.openai import sse
from gateway.openai.operations import Operation
from gateway.proxy.attempt import Answer
from gateway.proxy.departure import CallerWatch
from gateway.proxy.passage import Passage
from gateway.upstream.session import ConnectionFailed


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of silence: after `keepalive` a stream gets a comment, after `idle` the upstream is given up."""

    keepalive: float
    idle: float


# What the gateway says itself, and the upstream's headers no more: the length, where it holds the body whole or may add
# events to it; the limits, where the caller has some of its own.
_LENGTH, _LIMITS = b"content-length", b"x-ratelimit-"
_OURS: dict[tuple[bool, bool], tuple[bytes, ...]] = {
    (False, False): (),
    (False, True): (_LIMITS,),
    (True, False): (_LENGTH,),
    (True, True): (_LENGTH, _LIMITS),
}


class Relayed(msgspec.Struct, frozen=True):
    """How an answer is passed on.

    own: the lines of the gateway's headers, added to those of the upstream's that may pass. edit: what is done to whole
    bodies and whole events on their way; None leaves every byte as it came. see: is shown each part of a body that was
    not held whole, as the upstream sent it. limits: whether `own` says where the caller's limits stand; the upstream's
    are the gateway's own then, and no business of the caller's.
    """

    operation: Operation
    own: bytes
    edit: Callable[[bytes], bytes] | None = None
    see: Callable[[bytes], None] | None = None
    limits: bool = False


async def relay(answer: Answer, how: Relayed, send: Send, patience: Patience, watch: CallerWatch) -> bool:
    """Send the answer on, headers first. Whether the upstream brought it to its end. watch: the calling task's."""
    try:
        ours = _OURS[answer.rest is None or answer.is_stream, how.limits]
        lines = wire_headers.to_caller(answer.headers, ours) + how.own
        if answer.rest is None and not answer.is_stream:
            body = how.edit(answer.held) if how.edit and answer.is_json else answer.held
            watch.end()
            if not (isinstance(send, DirectSend) and send.whole(answer.status, lines, body)):
                await send_whole(send, answer.status, body, pairs(lines))
            return True
        headers = pairs(lines)
        if answer.is_stream:
            headers.append((b"cache-control", b"no-cache"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        passing = _relay_events if answer.is_stream else _relay_bytes
        return await passing(answer, how, send, patience, watch)
    finally:
        answer.close()


async def _last(send: Send, data: bytes, watch: CallerWatch) -> None:
    watch.end()
    await send({"type": "http.response.body", "body": data})


async def _relay_bytes(answer: Answer, how: Relayed, send: Send, patience: Patience, watch: CallerWatch) -> bool:
    """A body of any kind. A cut can't be told in it: the caller's connection is ended short, as the upstream's was."""

    def seen(chunk: bytes) -> bytes:
        if how.see:
            how.see(chunk)
        return chunk

    passage = Passage(seen, send, watch.alarm)
    try:
        await passage.begin(answer.held)
        if answer.rest:
            await passage.follow(answer.rest, patience.idle)
    except (ConnectionFailed, TimeoutError):
        return False
    await _last(send, b"", watch)
    return True


async def _relay_events(answer: Answer, how: Relayed, send: Send, patience: Patience, watch: CallerWatch) -> bool:
    """An event stream. Only whole events go out, so that a cut can always be followed by an error event."""
    # Where a cut looks like an end, the stream's own mark must tell them apart.
    events = _Events(how, how.operation.stream_end if answer.rest and not answer.rest.delimited else None)
    passage = Passage(events.feed, send, watch.alarm)
    try:
        await passage.begin(answer.held)
        if answer.rest:
            # While the upstream is silent the caller gets comments.
            await passage.follow(answer.rest, patience.idle, patience.keepalive, sse.KEEPALIVE)
        if events.due and not sse.is_over(events.tail, events.due):
            raise ConnectionFailed("the connection closed before the stream's end")
    except (ConnectionFailed, TimeoutError) as error:
        reason = "went silent" if isinstance(error, TimeoutError) else "broke off"
        interrupted = StreamInterrupted(f"The upstream {reason} in the middle of its answer.")
        await _last(send, sse.error_event(interrupted, how.operation.name), watch)
        return False
    await _last(send, events.tail, watch)
    return True


class _Events:
    """Takes a stream in as it comes, and lets whole events pass. tail: what has come of the next one.

    due: the mark that must come before the end; None once it has come, or where none must.
    """

    def __init__(self, how: Relayed, due: bytes | None) -> None:
        self.tail = b""
        self.due = due
        self._see = how.see
        self._edit = how.edit

    def feed(self, chunk: bytes) -> bytes:
        """The events that are whole now, as the caller is to see them."""
        if self.tail:
            chunk = self.tail + chunk
        end = sse.complete(chunk)
        self.tail = chunk[end:]
        if not end:
            return b""
        whole = chunk[:end] if self.tail else chunk
        if self.due and sse.is_over(whole, self.due):
            self.due = None
        if self._see:
            self._see(whole)
        return self._edit(whole) if self._edit else whole
