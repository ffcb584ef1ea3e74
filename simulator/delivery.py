"""Delivery: how an answer leaves the socket, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import chain, islice
from typing import Protocol

from simulator import wire
from simulator.reply import Reply
from simulator.streams import Stream
from simulator.wire import Json


class Line(Protocol):
    """The connection that an answer is delivered on."""

    def write(self, data: bytes) -> None:
        """Send bytes, now or as soon as the client takes them."""

    async def flushed(self) -> None:
        """Wait until everything written has left the process."""

    def reset(self) -> None:
        """Drop the connection with a TCP reset."""

    def close(self) -> None:
        """Close the connection once everything written has left."""


async def deliver(reply: Reply, line: Line) -> None:
    """Send one answer as its script says. Cancelled when the client leaves."""
    script = reply.script
    await _wait(script.latency_ms)
    if script.refuse:
        line.reset()
    elif isinstance(reply.body, Stream):
        await _deliver_stream(reply, reply.body, line)
    else:
        await _deliver_plain(reply, reply.body, line)


async def _deliver_plain(reply: Reply, body: bytes, line: Line) -> None:
    script = reply.script
    framing = wire.UNTIL_CLOSE if script.no_terminator else wire.length(body)
    line.write(wire.head(reply.status, reply.headers, framing))
    await _wait(script.first_byte_ms)
    if script.fault and script.fault[0] != "error":
        kind, after = script.fault
        line.write(body[: len(body) // 2 if after else 0])
        await _break(kind, reply, line)
        return
    line.write(body)
    await line.flushed()
    if script.no_terminator:
        line.close()


async def _deliver_stream(reply: Reply, stream: Stream, line: Line) -> None:
    script = reply.script
    chunked = not script.no_terminator
    line.write(wire.head(reply.status, reply.headers, wire.CHUNKED if chunked else wire.UNTIL_CLOSE))
    await line.flushed()
    await _wait(script.first_byte_ms)
    first = True
    for payload in _events(reply, stream):
        if not first:
            await _wait(script.interval_ms)
        first = False
        stamp = {"sent_at": time.monotonic()} if script.stamp else {}
        await _send(stream.framing.encode({**payload, **stamp}), script.split, chunked, line)
    if script.fault and script.fault[0] != "error":
        await _wait(script.interval_ms)
        await _break(script.fault[0], reply, line)
    elif chunked:
        terminator = b"" if script.fault else stream.framing.terminator
        line.write((wire.chunk(terminator) if terminator else b"") + wire.LAST_CHUNK)
        await line.flushed()
    else:
        line.close()


def _events(reply: Reply, stream: Stream) -> Iterator[Json]:
    """The events that are sent before the stream ends, well or by a fault."""
    opening = stream.opening if reply.script.opening else []
    error = stream.framing.error
    if reply.script.fault is None or (reply.script.fault[0] == "error" and error is None):
        return chain(opening, stream.contents, stream.closing)
    kind, after = reply.script.fault
    contents = islice(stream.contents, after)
    if kind == "error" and error is not None:
        return chain(opening, contents, [error])
    return chain(opening if after else (), contents)


async def _send(data: bytes, split: int | None, chunked: bool, line: Line) -> None:
    size = split or len(data)
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        line.write(wire.chunk(piece) if chunked else piece)
        await line.flushed()
        if split:
            await asyncio.sleep(0)  # lets each piece leave by a packet of its own


async def _break(kind: str, reply: Reply, line: Line) -> None:
    await line.flushed()
    if kind == "stall":
        await asyncio.get_running_loop().create_future()
    elif reply.script.cut_cleanly:
        line.close()
    else:
        line.reset()


async def _wait(milliseconds: float) -> None:
    if milliseconds:
        await asyncio.sleep(milliseconds / 1000)
