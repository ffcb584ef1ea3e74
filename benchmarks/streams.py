"""The load of streams: how soon the first event comes, how many come through, and many streams at a human pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

from benchmarks.load import PATIENCE_SECONDS, BadAnswer, Call

EVENT = b"data: "
END = b"0\r\n\r\n"
OK = b"HTTP/1.1 200"


@dataclass
class StreamSample:
    """What a run found: seconds from request to first event, of each stream; events received so far; seconds taken."""

    firsts: list[float] = field(default_factory=list)
    events: int = 0
    seconds: float = 0.0


class _Stream(asyncio.Protocol):
    """One connection that asks for one stream after another."""

    def __init__(self, request: bytes, sample: StreamSample, until: float, least_events: int) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._sample = sample
        self._until = until
        self._least = least_events
        self._events = 0
        self._tail = b""
        self._sent = 0.0
        self._waits = True
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._ask()

    def data_received(self, data: bytes) -> None:
        if self._waits and not self._tail and not data.startswith(OK):
            self._end(BadAnswer(data[:600].decode(errors="replace")))
            return
        seen = self._tail + data
        events = seen.count(EVENT)
        if events and self._waits:
            self._waits = False
            self._sample.firsts.append(perf_counter() - self._sent)
        self._sample.events += events
        self._events += events
        self._tail = seen[-len(EVENT) + 1 :]
        if not self._waits and self._tail.endswith(END):
            if self._events < self._least:
                self._end(BadAnswer(f"a stream of {self._events} events: {seen[-600:].decode(errors='replace')}"))
            elif perf_counter() >= self._until:
                self._end(None)
            else:
                self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or BadAnswer("the connection was closed in the middle of a stream"))

    def leave(self) -> None:
        """Have enough, in the middle of a stream."""
        self._end(None)

    def _ask(self) -> None:
        assert self._transport is not None
        self._tail, self._waits, self._events, self._sent = b"", True, 0, perf_counter()
        self._transport.write(self._request)

    def _end(self, fault: Exception | None) -> None:
        if not self.ended.done():
            if fault is None:
                self.ended.set_result(None)
            else:
                self.ended.set_exception(fault)
        if self._transport is not None:
            self._transport.abort()


async def _open(call: Call, connections: int, sample: StreamSample, until: float, least_events: int) -> list[_Stream]:
    loop, request = asyncio.get_running_loop(), call.request()
    host, port = call.address
    return [
        (await loop.create_connection(lambda: _Stream(request, sample, until, least_events), host, port))[1]
        for _ in range(connections)
    ]


async def run(call: Call, connections: int, seconds: float, least_events: int) -> StreamSample:
    """Ask for one stream after another on each connection; those that run are read to their end.

    BadAnswer if one of them has fewer events than that.
    """
    sample, began = StreamSample(), perf_counter()
    made = await _open(call, connections, sample, began + seconds, least_events)
    try:
        async with asyncio.timeout(seconds + PATIENCE_SECONDS):
            await asyncio.gather(*(stream.ended for stream in made))
    finally:
        for stream in made:  # after a failure of one the others would go on
            stream.leave()
    sample.seconds = perf_counter() - began
    return sample


async def hold(
    call: Call, streams: int, settle: float, seconds: float, clock: Callable[[], float]
) -> tuple[float, float]:
    """Hold so many long streams open: what `clock` advances in a second, and the events that come in a second.

    settle: seconds that pass before the measurement, so that all streams run. A stream that ends meanwhile is a
    BadAnswer; one that was never answered counts for nothing, which the events show.
    """
    sample = StreamSample()
    made = await _open(call, streams, sample, 0.0, 0)
    await asyncio.sleep(settle)
    began, clock_began, events_began = perf_counter(), clock(), sample.events
    await asyncio.sleep(seconds)
    passed, spent, events = perf_counter() - began, clock() - clock_began, sample.events - events_began
    over = [stream.ended.exception() or BadAnswer("too short") for stream in made if stream.ended.done()]
    for stream in made:
        stream.leave()
    if over:
        raise over[0]
    return spent / passed, events / passed
