"""Carry an upstream's answer to the caller, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from gateway.asgi import Headers, Send
from gateway.errors import StreamInterrupted
from gateway.openai import headers as wire_headers
from gateway.openai import sse
from gateway.openai.operations import Operation
from gateway.proxy.alarm import Alarm
from gateway.proxy.attempt import Answer
from gateway.upstream.session import ConnectionFailed, UpstreamAnswer


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of silence: after `keepalive` a stream gets a comment, after `idle` the upstream is given up."""

    keepalive: float
    idle: float


class Relayed(msgspec.Struct, frozen=True):
    """How an answer is passed on.

    own: the gateway's headers, added to those of the upstream's that may pass. edit: what is done to whole bodies and
    whole events on their way; None leaves every byte as it came. see: is shown each part of a body that was not held
    whole, as the upstream sent it. limits: whether `own` says where the caller's limits stand; the upstream's are the
    gateway's own then, and no business of the caller's.
    """

    operation: Operation
    own: Headers
    edit: Callable[[bytes], bytes] | None = None
    see: Callable[[bytes], None] | None = None
    limits: bool = False


async def relay(answer: Answer, how: Relayed, send: Send, patience: Patience, alarm: Alarm) -> bool:
    """Send the answer on, headers first. Whether the upstream brought it to its end. alarm: the calling task's."""
    headers = wire_headers.to_caller(answer.headers)
    if how.limits:
        headers = [pair for pair in headers if not pair[0].startswith(b"x-ratelimit-")]
    headers += how.own
    try:
        if answer.rest is None and not answer.is_stream:
            body = how.edit(answer.held) if how.edit and answer.is_json else answer.held
            await _start(send, answer.status, _with_length(headers, len(body)))
            await _chunk(send, body, more=False)
            return True
        if answer.is_stream:
            # Comments and an error event may join it, so its length is not known.
            headers = [pair for pair in headers if pair[0] != b"content-length"]
            await _start(send, answer.status, [*headers, (b"cache-control", b"no-cache")])
            return await _relay_events(answer, how, send, patience, alarm)
        await _start(send, answer.status, headers)
        return await _relay_bytes(answer, how, send, patience, alarm)
    finally:
        answer.close()


async def _start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _chunk(send: Send, data: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


def _with_length(headers: Headers, length: int) -> Headers:
    return [pair for pair in headers if pair[0] != b"content-length"] + [(b"content-length", b"%d" % length)]


async def _relay_bytes(answer: Answer, how: Relayed, send: Send, patience: Patience, alarm: Alarm) -> bool:
    """A body of any kind. A cut can't be told in it: the caller's connection is ended short, as the upstream's was."""
    chunk = answer.held
    try:
        while chunk:
            if how.see:
                how.see(chunk)
            await _chunk(send, chunk, more=True)
            with alarm.within(patience.idle):
                chunk = await answer.rest.chunk() if answer.rest else b""
    except (ConnectionFailed, TimeoutError):
        return False
    await _chunk(send, b"", more=False)
    return True


async def _relay_events(answer: Answer, how: Relayed, send: Send, patience: Patience, alarm: Alarm) -> bool:
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
                    await _chunk(send, passed, more=True)
            chunk = await _next(answer.rest, send, patience, alarm) if answer.rest else b""
        if due and not sse.is_over(tail, due):
            raise ConnectionFailed("the connection closed before the stream's end")
    except (ConnectionFailed, TimeoutError) as error:
        reason = "went silent" if isinstance(error, TimeoutError) else "broke off"
        interrupted = StreamInterrupted(f"The upstream {reason} in the middle of its answer.")
        await _chunk(send, sse.error_event(interrupted, how.operation.name), more=False)
        return False
    await _chunk(send, tail, more=False)
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
            await _chunk(send, sse.KEEPALIVE, more=True)
