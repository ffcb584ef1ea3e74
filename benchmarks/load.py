"""The load: so many connections, each sending its next request when the last one is answered.

python -m benchmarks.load http://127.0.0.1:9000   says what an address stands, to see the ceiling of the load itself.
Written by hand on asyncio's protocols: it must ask more of a core than any gateway can answer on another one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

from benchmarks import workload
from benchmarks.figures import percentile

PATIENCE_SECONDS = 60.0
LENGTH = b"content-length:"


class BadAnswer(Exception):
    """A subject answered something else than it was asked for; the figures of such a run are worth nothing."""


@dataclass(frozen=True)
class Call:
    """What is sent, over and over: a POST of JSON."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    def request(self) -> bytes:
        """The request as it goes over the wire."""
        parts = urlsplit(self.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {target} HTTP/1.1", f"host: {parts.netloc}", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in {"content-type": "application/json", **self.headers}.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@dataclass
class Sample:
    """What a run of load found: answered requests, how long it took, the latency of each, in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rps(self) -> float:
        """Requests answered a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def milliseconds(self, share: float) -> float:
        """The latency that this share of the requests did not exceed."""
        return percentile(self.latencies, share) * 1000


class Answer:
    """Takes one answer after another out of the bytes of a connection. Checks status and length."""

    def __init__(self, least_bytes: int) -> None:
        self._least = least_bytes
        self._buffer = b""
        self._missing = -1  # of the body; -1: the head is not whole; -2: chunked

    def feed(self, data: bytes) -> bool:
        """Whether this ends the answer. BadAnswer when it is not what was expected."""
        if self._missing >= 0:
            self._missing -= len(data)
            return self._ended()
        if self._buffer:
            data = self._buffer + data
        if self._missing == -2:
            self._buffer = data[-8:]
            return self._is_last_chunk(data)
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = data
            return False
        head = data[:end].lower() + b"\r\n"
        if not head.startswith(b"http/1.1 200"):
            raise BadAnswer(data[:600].decode(errors="replace"))
        at = head.find(LENGTH)
        if at < 0:
            self._missing, self._buffer = -2, data[-8:]
            return self._is_last_chunk(data)
        length = int(head[at + len(LENGTH) : head.index(b"\r", at)])
        if length < self._least:
            raise BadAnswer(f"{length} bytes: {data[:600].decode(errors='replace')}")
        self._buffer, self._missing = b"", length - (len(data) - end - 4)
        return self._ended()

    def _ended(self) -> bool:
        if self._missing > 0:
            return False
        if self._missing < 0:
            raise BadAnswer("more bytes than the answer's length")
        self._missing = -1
        return True

    def _is_last_chunk(self, data: bytes) -> bool:
        if not data.endswith(b"0\r\n\r\n"):
            return False
        self._missing, self._buffer = -1, b""
        return True


class _Connection(asyncio.Protocol):
    """One connection of the load."""

    def __init__(self, request: Callable[[], bytes], least_bytes: int, sample: Sample) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._answer = Answer(least_bytes)
        self._note = sample.latencies.append
        self._until = 0.0
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def begin(self, until: float) -> None:
        """Send the first request; the last one is the one under way at `until`."""
        self._until = until
        self._sent = perf_counter()
        assert self._transport is not None
        self._transport.write(self._request())

    def data_received(self, data: bytes) -> None:
        try:
            if not self._answer.feed(data):
                return
        except BadAnswer as fault:
            self._end(fault)
            return
        now = perf_counter()
        self._note(now - self._sent)
        if now >= self._until:
            self._end(None)
            return
        self._sent = now
        assert self._transport is not None
        self._transport.write(self._request())

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or BadAnswer("the connection was closed"))

    def leave(self) -> None:
        """Send nothing any more."""
        self._end(None)

    def _end(self, fault: Exception | None) -> None:
        if not self.ended.done():
            if fault is None:
                self.ended.set_result(None)
            else:
                self.ended.set_exception(fault)
        if self._transport is not None:
            self._transport.abort()


async def run(call: Call, connections: int, seconds: float, least_bytes: int) -> Sample:
    """Load an address for so long. BadAnswer if any answer is not a 200 of at least so many bytes."""
    request = call.request()
    return await run_each(lambda: request, call.address, connections, seconds, least_bytes)


async def run_each(
    request: Callable[[], bytes], address: tuple[str, int], connections: int, seconds: float, least_bytes: int
) -> Sample:
    """The same with a request of its own for each time, made when it is sent."""
    loop = asyncio.get_running_loop()
    sample = Sample()
    host, port = address
    made = []
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: _Connection(request, least_bytes, sample), host, port)
        made.append(connection)
    started = perf_counter()
    for connection in made:
        connection.begin(started + seconds)
    try:
        async with asyncio.timeout(seconds + PATIENCE_SECONDS):
            await asyncio.gather(*(connection.ended for connection in made))
    finally:
        for connection in made:  # after a failure of one the others would go on
            connection.leave()
    sample.seconds = perf_counter() - started
    return sample


async def _main(url: str) -> None:
    for connections in (1, 32, 128):
        sample = await run(
            Call(url + "/v1/chat/completions", {}, workload.chat(workload.MODEL)),
            connections,
            3,
            workload.LEAST_ANSWER_BYTES,
        )
        print(
            f"{connections:>4} connections: {sample.rps:,.0f} requests a second, p99 {sample.milliseconds(0.99):.2f} ms"
        )


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main(sys.argv[1]))
