"""`make bench-smoke`: under a minute, whether a call through Roundhouse still costs little more than a bare relay's.

Both run in the same minute, by turns, and what counts is their CPU for each request, not requests a second: a machine
that does other things as well takes time from both, and little of it counts as theirs.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import load, roundhouse, workload
from benchmarks.measure import first_answer
from benchmarks.process import Launch, Running, cores
from benchmarks.subjects import BARE_HTTPTOOLS, ROUNDHOUSE, Subject, ours

# The bare relay's CPU for a request, divided by Roundhouse's. On one machine it was 0.57 to 0.59. The floor lies a
# quarter below, so that noise does not fail it; who makes calls faster raises it.
FLOOR = 0.43
ROUNDS = 7
SECONDS = 1.0
WARM_UP_SECONDS = 1.5
CONNECTIONS = 32


def main() -> int:
    """Exit code 0: the ratio holds. 1: it does not. 0 as well where /proc and the choice of a core are missing."""
    if sys.platform != "linux":
        print("bench-smoke needs Linux; it is skipped")
        return 0
    import uvloop

    costs: dict[str, list[float]] = uvloop.run(_costs())
    bare, gateway = median(costs[BARE_HTTPTOOLS]), median(costs[ROUNDHOUSE])
    ratio = bare / gateway
    print(f"CPU µs a request, median of {ROUNDS}: {BARE_HTTPTOOLS} {bare:.1f}, {ROUNDHOUSE} {gateway:.1f}")
    print(f"ratio {ratio:.2f}, floor {FLOOR}")
    if ratio < FLOOR:
        print(
            "A call through the gateway has become dearer: profile it (py-spy), or say why it must be.", file=sys.stderr
        )
        return 1
    return 0


async def _costs() -> dict[str, list[float]]:
    """CPU µs for each request, by subject and round."""
    subject_core, upstream_core, load_core = cores()
    os.sched_setaffinity(0, {load_core})
    every = {each.name: each for each in ours(roundhouse.launch_in_memory, "in memory")}
    subjects = [every[BARE_HTTPTOOLS], every[ROUNDHOUSE]]
    started: list[Running] = []
    with tempfile.TemporaryDirectory() as logs:

        def start(launch: Launch, core: int) -> tuple[Running, str]:
            running = Running(launch, core, Path(logs) / f"{len(started)}.log")
            started.append(running)
            return running, running.address(30)

        try:
            _, upstream = start(Launch([sys.executable, "-m", "benchmarks.upstream"]), upstream_core)
            serving: list[tuple[Subject, Running, load.Call]] = []
            for subject in subjects:
                assert subject.launch is not None
                running, address = start(subject.launch(upstream), subject_core)
                call = subject.call(address, upstream, workload.chat(subject.model))
                await asyncio.to_thread(first_answer, running, call)
                await load.run(call, CONNECTIONS, WARM_UP_SECONDS, workload.LEAST_ANSWER_BYTES)
                serving.append((subject, running, call))
            found: dict[str, list[float]] = {subject.name: [] for subject in subjects}
            for _ in range(ROUNDS):
                for subject, running, call in serving:
                    before = running.cpu_seconds()
                    sample = await load.run(call, CONNECTIONS, SECONDS, workload.LEAST_ANSWER_BYTES)
                    found[subject.name].append((running.cpu_seconds() - before) / len(sample.latencies) * 1e6)
            return found
        finally:
            for running in reversed(started):
                running.stop()


if __name__ == "__main__":
    sys.exit(main())
