"""Carry an upstream's answer to the caller, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from gateway.asgi import WHOLE_ANSWER, Send, pairs
from gateway.asgi import answer as send_whole
from gateway.errors import StreamInterrupted
from gateway.openai import headers as wire_headers
from gateway.openai import sse
from gateway.openai.operations import Operation
from gateway.proxy.alarm import Alarm
from gateway.proxy.attempt import Answer
from gateway.proxy.departure import CallerWatch
from gateway.upstream.session import ConnectionFailed, UpstreamAnswer


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
    are the gateway's own then, and no business of the caller's. at_once: whether the server takes a whole answer at
    once.
    """

    operation: Operation
    own: bytes
    edit: Callable[[bytes], bytes] | None = None
    see: Callable[[bytes], None] | None = None
    limits: bool = False
    at_once: bool = False


async def relay(answer: Answer, how: Relayed, send: Send, patience: Patience, watch: CallerWatch) -> bool:
    """Send the answer on, headers first. Whether the upstream brought it to its end. watch: the calling task's."""
    lines = wire_headers.to_caller(answer.headers, _OURS[answer.rest is None or answer.is_stream, how.limits]) + how.own
    try:
        if answer.rest is None and not answer.is_stream:
            body = how.edit(answer.held) if how.edit and answer.is_json else answer.held
            watch.end()
            if how.at_once:
                await send({"type": WHOLE_ANSWER, "status": answer.status, "lines": lines, "body": body})
            else:
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


async def _more(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _last(send: Send, data: bytes, watch: CallerWatch) -> None:
    watch.end()
    await send({"type": "http.response.body", "body": data})


async def _relay_bytes(answer: Answer, how: Relayed, send: Send, patience: Patience, watch: CallerWatch) -> bool:
    """A body of any kind. A cut can't be told in it: the caller's connection is ended short, as the upstream's was."""
    chunk = answer.held
    try:
        while chunk:
            if how.see:
                how.see(chunk)
            await _more(send, chunk)
            with watch.alarm.within(patience.idle):
                chunk = await answer.rest.chunk() if answer.rest else b""
    except (ConnectionFailed, TimeoutError):
        return False
    await _last(send, b"", watch)
    return True


async def _relay_events(answer: Answer, how: Relayed, send: Send, patience: Patience, watch: CallerWatch) -> bool:
    """An event stream. Only whole events go out, so that a cut can always be followed by an error event."""
    tail = b""
    chunk = answer.held
    # Where a cut looks like an end, the stream's own mark must tell them apart.
    due = how.operation.stream_end if answer.rest and not answer.rest.delimited else None
    try:
        while chunk:
            if tail:
                chunk = tail + chunk
            end = sse.complete(chunk)
            tail = chunk[end:]
            if end:
                whole = chunk[:end] if tail else chunk
                due = None if due and sse.is_over(whole, due) else due
                if how.see:
                    how.see(whole)
                passed = how.edit(whole) if how.edit else whole
                if passed:
                    await _more(send, passed)
            chunk = await _next(answer.rest, send, patience, watch.alarm) if answer.rest else b""
        if due and not sse.is_over(tail, due):
            raise ConnectionFailed("the connection closed before the stream's end")
    except (ConnectionFailed, TimeoutError) as error:
        reason = "went silent" if isinstance(error, TimeoutError) else "broke off"
        interrupted = StreamInterrupted(f"The upstream {reason} in the middle of its answer.")
        await _last(send, sse.error_event(interrupted, how.operation.name), watch)
        return False
    await _last(send, tail, watch)
    return True


async def _next(upstream: UpstreamAnswer, send: Send, patience: Patience, alarm: Alarm) -> bytes:
    """The next bytes; while the upstream is silent the caller gets comments, until patience ends (TimeoutError)."""
    silence = 0.0
    while True:
        wait = min(patience.keepalive, patience.idle - silence)
        try:
            with alarm.within(wait):
                return await upstream.chunk()
        except TimeoutError:
            silence += wait
            if silence >= patience.idle:
                raise
            await _more(send, sse.KEEPALIVE)
