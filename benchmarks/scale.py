"""`make bench-scale`: what many tenants and many deployments cost, and what a call of each operation does."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import choosing, load, roundhouse, workload
from benchmarks.figures import Figures, shown
from benchmarks.load import Call
from benchmarks.measure import first_answer
from benchmarks.process import Launch, Running, cores
from benchmarks.report import machine, markdown
from benchmarks.table_service import api_key_of
from gateway.openai.operations import BY_NAME

RESULTS = Path(__file__).with_name("scale.md")
TENANTS = (10, 1_000, 100_000)
DEPLOYMENTS = (10, 1_000)
FEW = 10
CONNECTIONS = 32
SECONDS = 2.0
READ_SECONDS = 600.0
FORM = (
    b'--frontier\r\ncontent-disposition: form-data; name="model"\r\n\r\n%b\r\n'
    b'--frontier\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"content-type: audio/wav\r\n\r\n%b\r\n--frontier--\r\n"
)
UPLOADS = ("audio_transcription",)
# What Azure serves, whose deployments these are.
ASKED = ("chat", "completion", "embedding", "image_generation", "response", "audio_speech")

COLUMNS = {
    "first answer, s": "start_s",
    "memory, MB": "memory_mb",
    "CPU µs a call": "cpu_us",
    "first read, s": "first_read_s",
    "reload, s": "reload_s",
    "reload, CPU s": "reload_cpu_s",
    "longest stall, ms": "stall_ms",
    "added by the first read, MB": "read_mb",
    "peak, MB": "peak_mb",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: measured. 2: this machine can't."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out the 100,000 tenants")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file to write (benchmarks/scale.md)")
    given = parser.parse_args(arguments)
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        print("This needs Linux (/proc) and two cores.", file=sys.stderr)
        return 2
    import uvloop

    told = machine(os.getloadavg()[0], cores())  # before this process goes to a core of its own
    with tempfile.TemporaryDirectory() as logs:
        bench = Bench(Path(logs))
        try:
            page = uvloop.run(bench.page(TENANTS[:-1] if given.quick else TENANTS))
        finally:
            bench.stop()
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    head = f"Written by `python -m benchmarks.scale` on {when}. Machine: {told}."
    given.output.write_text(f"# Scale, measured\n\n{head}\n\n{page}")
    print("\n" + page)
    return 0


class Bench:
    """The upstream, and one gateway after another before it."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._core, self._far_core, load_core = cores()
        os.sched_setaffinity(0, {load_core})
        self._started: list[Running] = []
        self._upstream = self._start(_module("upstream"), self._far_core).address(30)

    async def page(self, tenants: Sequence[int]) -> str:
        """All tables, as Markdown."""
        sizes = [*((each, FEW) for each in tenants), *((FEW, each) for each in DEPLOYMENTS if each != FEW)]
        found = [(*size, await self._size(*size)) for size in sizes]
        chosen = choosing.microseconds(DEPLOYMENTS)
        few, many = (chosen[size] for size in DEPLOYMENTS)
        costs = await self._operations()
        choice = [[f"{size:,}", shown(cost)] for size, cost in chosen.items()]
        operations = [[name, shown(cost), shown(cost / costs["chat"])] for name, cost in costs.items()]
        return "\n".join(
            [
                "## Tenants and deployments\n",
                "From the start of a process to its first answer; its memory after 32 connections asked for 4 s, and "
                "its CPU for each call of the last 2; the first read of the registry, and a full reload of it while "
                "nothing else runs; the longest that a reload kept all else from running; what the first read added "
                "to a process (the snapshot, and the client of storage), and the most it had while it reloaded.\n",
                _sizes(found),
                "## Choosing\n",
                f"`Router.plan` and `Plan.next`: {many / few:.2f} × as much among {DEPLOYMENTS[1]:,} as among {FEW}.\n",
                markdown(["deployments", "µs of CPU"], choice),
                "## Calls by operation\n",
                f"CPU for each call, {CONNECTIONS} connections, answers of 620 bytes, all features on.\n",
                markdown(["operation", "µs of CPU", "÷ chat"], operations),
            ]
        )

    def stop(self) -> None:
        """End all that was started."""
        while self._started:
            self._started.pop().stop()

    async def _size(self, tenants: int, deployments: int) -> dict[str, float]:
        print(f"{tenants:,} tenants, {deployments:,} deployments", flush=True)
        service = self._start(_module("table_service", str(tenants), str(deployments), self._upstream), self._far_core)
        endpoint = service.address(30)
        reading = self._start(_module("scaled_gateway", endpoint, "--reload"), self._core)
        found: dict[str, float] = json.loads(await asyncio.to_thread(_whole_output, reading))
        self._end(reading)
        serving = self._start(_module("scaled_gateway", endpoint), self._core)
        headers = {"authorization": f"Bearer {api_key_of(tenants // 2)}"}
        call = Call(serving.address(30) + "/v1/chat/completions", headers, workload.chat(workload.MODEL))
        await asyncio.to_thread(first_answer, serving, call)
        found["start_s"] = time.perf_counter() - serving.began
        # What is prepared for each deployment at its first call is of no interest here.
        await load.run(call, CONNECTIONS, SECONDS, workload.LEAST_ANSWER_BYTES)
        found["cpu_us"] = await self._cost(serving, call)
        found["memory_mb"] = serving.memory_bytes() / 1e6
        self._end(serving)
        self._end(service)
        return found

    async def _operations(self) -> dict[str, float]:
        """CPU µs of a call of each operation."""
        print("operations", flush=True)
        launch = roundhouse.launch_in_memory(self._upstream, *ASKED, *UPLOADS)
        serving = self._start(launch, self._core)
        address = serving.address(30)
        headers = {"authorization": f"Bearer {roundhouse.API_KEY}"}
        costs = {}
        for name in (*ASKED, *UPLOADS):
            url, body = f"{address}/v1/{BY_NAME[name].path}", _body(name)
            kind = "multipart/form-data; boundary=frontier" if name in UPLOADS else "application/json"
            call = Call(url, {**headers, "content-type": kind}, body)
            await asyncio.to_thread(first_answer, serving, call)
            await load.run(call, CONNECTIONS, SECONDS / 2, workload.LEAST_ANSWER_BYTES)
            costs[name] = await self._cost(serving, call)
        self._end(serving)
        return costs

    async def _cost(self, serving: Running, call: Call) -> float:
        before = serving.cpu_seconds()
        sample = await load.run(call, CONNECTIONS, SECONDS, workload.LEAST_ANSWER_BYTES)
        return (serving.cpu_seconds() - before) / len(sample.latencies) * 1e6

    def _start(self, launch: Launch, core: int) -> Running:
        running = Running(launch, core, self._logs / f"{time.monotonic_ns()}.log")
        self._started.append(running)
        return running

    def _end(self, running: Running) -> None:
        self._started.remove(running)
        running.stop()


def _module(name: str, *arguments: str) -> Launch:
    return Launch([sys.executable, "-m", f"benchmarks.{name}", *arguments])


def _whole_output(running: Running) -> str:
    """What a process printed that ends by itself."""
    running.wait(READ_SECONDS)
    return running.last_words()


def _body(operation: str) -> bytes:
    if operation in UPLOADS:
        return FORM % (workload.MODEL.encode(), bytes(16 * 1024))
    if operation == "chat":
        return workload.chat(workload.MODEL)
    return json.dumps({"model": workload.MODEL, **(BY_NAME[operation].probe or {})}).encode()


def _sizes(found: Sequence[tuple[int, int, Figures]]) -> str:
    rows = [
        [f"{tenants:,}", f"{deployments:,}", *(shown(figures[name]) for name in COLUMNS.values())]
        for tenants, deployments, figures in found
    ]
    return markdown(["tenants", "deployments", *COLUMNS], rows)


if __name__ == "__main__":
    sys.exit(main())
