"""One round with one subject: from its start to its end, every figure that it gives."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks import load, streams, workload
from benchmarks.load import BadAnswer, Call
from benchmarks.process import DidNotStart, Running
from benchmarks.subjects import Subject

CONNECTIONS = (1, 32, 128)
LARGE_CONNECTIONS = 8
STREAM_CONNECTIONS = 16
STREAM_CHUNKS = 200
HELD_STREAMS = 100
HELD_EVERY_MS = 20
SETTLE_SECONDS = 1.5
START_SECONDS = 180.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """How long to look: seconds of load for each figure, and of load before the first one."""

    seconds: float
    warm_up: float


class Round:
    """One subject that serves at `address`, and what was found of it."""

    def __init__(
        self, subject: Subject, address: str, upstream: str, cpu: Callable[[], float], effort: Effort, say: Say
    ) -> None:
        self.figures: dict[str, float] = {}
        self._subject = subject
        self._address = address
        self._upstream = upstream
        self._cpu = cpu
        self._effort = effort
        self._say = say

    async def run(self) -> None:
        """Every load in turn. One that fails leaves its figures out, and says so."""
        await load.run(self._call(workload.chat), 32, self._effort.warm_up, workload.LEAST_ANSWER_BYTES)
        for connections in CONNECTIONS:
            await self._try(f"{connections} connections", self._plain(connections))
        await self._try("bodies of 1 MB", self._large())
        await self._try("first events", self._first_events())
        await self._try("chunks", self._chunks())
        await self._try(f"{HELD_STREAMS} streams", self._held_streams())

    async def _try(self, what: str, loading: Coroutine[None, None, dict[str, float]]) -> None:
        try:
            self.figures.update(await loading)
        except (BadAnswer, OSError, TimeoutError) as fault:
            self._say(f"{self._subject.name}, {what}: {type(fault).__name__}: {str(fault)[:300]}")

    async def _plain(self, connections: int) -> dict[str, float]:
        before = self._cpu()
        sample = await load.run(
            self._call(workload.chat), connections, self._effort.seconds, workload.LEAST_ANSWER_BYTES
        )
        return {
            f"cpu_us_{connections}": (self._cpu() - before) / len(sample.latencies) * 1e6,
            f"rps_{connections}": sample.rps,
            f"p50_ms_{connections}": sample.milliseconds(0.50),
            f"p99_ms_{connections}": sample.milliseconds(0.99),
        }

    async def _large(self) -> dict[str, float]:
        call, before = self._call(workload.large_chat), self._cpu()
        sample = await load.run(call, LARGE_CONNECTIONS, self._effort.seconds, workload.LEAST_ANSWER_BYTES)
        cpu = (self._cpu() - before) / len(sample.latencies)
        return {"large_rps": sample.rps, "large_cpu_ms": cpu * 1e3, "large_p50_ms": sample.milliseconds(0.50)}

    async def _first_events(self) -> dict[str, float]:
        sample = await streams.run(self._stream(2, 0), 1, self._effort.seconds, 2)
        return {"first_ms": median(sample.firsts) * 1000}

    async def _chunks(self) -> dict[str, float]:
        before = self._cpu()
        call = self._stream(STREAM_CHUNKS, 0)
        sample = await streams.run(call, STREAM_CONNECTIONS, self._effort.seconds, STREAM_CHUNKS)
        cpu = (self._cpu() - before) / sample.events
        return {"chunks_s": sample.events / sample.seconds, "chunk_cpu_us": cpu * 1e6}

    async def _held_streams(self) -> dict[str, float]:
        seconds = self._effort.seconds
        chunks = int((SETTLE_SECONDS + seconds + 30) * 1000 / HELD_EVERY_MS)
        call = self._stream(chunks, HELD_EVERY_MS)
        cpu, events = await streams.hold(call, HELD_STREAMS, SETTLE_SECONDS, seconds, self._cpu)
        return {"held_cpu_percent": cpu * 100, "held_chunks_s": events}

    def _call(self, body: Callable[[str], bytes]) -> Call:
        return self._subject.call(self._address, self._upstream, body(self._subject.model))

    def _stream(self, chunks: int, every_ms: int) -> Call:
        return self._call(lambda model: workload.stream(model, chunks, every_ms))


async def measure(subject: Subject, upstream: str, core: int, effort: Effort, log: Path, say: Say) -> dict[str, float]:
    """Start it, measure it, end it. Raises DidNotStart."""
    if subject.launch is None:
        asked = Round(subject, upstream, upstream, lambda: 0.0, effort, say)
        await asked.run()
        return {name: value for name, value in asked.figures.items() if "cpu" not in name}
    running = Running(subject.launch(upstream), core, log)
    try:
        address = await asyncio.to_thread(running.address, START_SECONDS)
        call = subject.call(address, upstream, workload.chat(subject.model))
        await asyncio.to_thread(first_answer, running, call)
        started = time.perf_counter() - running.began
        served = Round(subject, address, upstream, running.cpu_seconds, effort, say)
        await served.run()
        running.check()
        return {**served.figures, "start_s": started, "memory_mb": running.memory_bytes() / 1e6}
    finally:
        await asyncio.to_thread(running.stop)


def first_answer(running: Running, call: Call) -> None:
    """Ask until it answers well; DidNotStart if it never does."""
    give_up = time.perf_counter() + START_SECONDS
    host, port = call.address
    parts = urlsplit(call.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    last = "it took no connection"
    while time.perf_counter() < give_up:
        running.check()
        connection = http.client.HTTPConnection(host, port, timeout=START_SECONDS)
        try:
            connection.request("POST", target, call.body, {"content-type": "application/json", **call.headers})
            answer = connection.getresponse()
            last = f"{answer.status}: {answer.read(600).decode(errors='replace')}"
            if answer.status == 200:
                return
            if answer.status in (400, 401, 403, 404):
                break
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.002)
    raise DidNotStart(f"{last}\n{running.last_words()}")
