"""`make bench-functions`: what a call costs inside the Functions runtime, beside a function that does nothing."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from benchmarks import roundhouse
from benchmarks.figures import Figures, medians, ratio, shown, spread
from benchmarks.functions_host import ROOT, Worker
from benchmarks.process import Launch, Running, cores
from benchmarks.report import machine, markdown

RESULTS = Path(__file__).with_name("functions.md")
APPS = Path(__file__).parent
CONNECTIONS = 32
WARM_UP_SECONDS = 3.0

EMPTY, QUIET, DOOR, OURS = "empty function", "empty function, quiet worker", "empty app behind our door", "Roundhouse"
NOTES = {
    EMPTY: (
        "`benchmarks/empty_function`: reads the body, answers 620 bytes, by Microsoft's extension for streams, "
        "`azurefunctions-extensions-http-fastapi`; the worker as the platform starts it"
    ),
    QUIET: "the same, with Roundhouse's tuning of the worker: it logs no line for each request, and forgets it",
    DOOR: "`benchmarks/empty_door`: the same again, by Roundhouse's own extension: what a call costs without a gateway",
    OURS: (
        "`function_app.py`: API key checked, three Azure deployments in turns, the tenant's limits `rpm`, `tpm` and "
        "`daily_token_limit` on, usage recorded, priced and written, the upstream asked for 620 bytes"
    ),
}
# At most so many times the CPU of an empty function.
MOST = 1.35


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: measured, whatever was found. 2: this machine can't, or this Python has no Functions runtime."""
    parser = argparse.ArgumentParser(prog="make bench-functions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds over all four (7)")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of load in each (2)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file to write (benchmarks/functions.md)")
    given = parser.parse_args(arguments)
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        print("This needs Linux (/proc) and two cores.", file=sys.stderr)
        return 2
    if find_spec("azure_functions_runtime") is None:
        print("This needs the environment of tests/functions: `make bench-functions`.", file=sys.stderr)
        return 2
    import uvloop

    told = machine(os.getloadavg()[0], cores())  # before this process goes to a core of its own
    version, found = uvloop.run(_rounds(given.rounds, given.seconds))
    words = " ".join(sys.argv[1:] if arguments is None else arguments)
    command = f'make bench-functions ARGS="{words}"' if words else "make bench-functions"
    text = page(found, command, told, version, given.seconds)
    given.output.write_text(text)
    print("\n" + text)
    return 0


async def _rounds(rounds: int, seconds: float) -> tuple[str, dict[str, list[dict[str, float]]]]:
    """The versions of the runtime, and the figures of every round, by subject."""
    core, far_core, load_core = cores()
    os.sched_setaffinity(0, {load_core})
    with contextlib.ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = Running(Launch([sys.executable, "-m", "benchmarks.upstream"]), far_core, logs / "upstream.log")
        stack.callback(upstream.stop)
        storage = roundhouse.azurite(far_core, logs / "azurite.log")
        if storage is None:
            raise SystemExit("This needs Node and Azurite: `make run` installs them.")
        azurite, connection = storage
        stack.callback(azurite.stop)
        await roundhouse.fill(connection, upstream.address(30))
        settings = {"AzureWebJobsStorage": connection, "GATEWAY_ENCRYPTION_KEY": roundhouse.ENCRYPTION_KEY}
        apps = {
            EMPTY: (APPS / "empty_function", {}),
            QUIET: (APPS / "empty_function", {"QUIET": "1"}),
            DOOR: (APPS / "empty_door", {}),
            OURS: (ROOT, settings),
        }
        workers: dict[str, Worker] = {}
        for number, (name, (app, environment)) in enumerate(apps.items()):
            worker = workers[name] = Worker(app, environment, core, logs / f"{number}.log")
            stack.callback(worker.running.stop)
            await worker.serving()
        version = f"azure-functions-runtime {worker.version}, Python {platform.python_version()}"
        return version, await _measure(workers, rounds, seconds)


async def _measure(workers: Mapping[str, Worker], rounds: int, seconds: float) -> dict[str, list[dict[str, float]]]:
    """Load all by turns. What a worker does in the others' turns, like writing usage, counts as its own."""
    headers = {"authorization": f"Bearer {roundhouse.API_KEY}"}
    for worker in workers.values():
        await worker.load(headers, CONNECTIONS, WARM_UP_SECONDS)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
    for number in range(rounds):
        before = {name: worker.running.cpu_seconds() for name, worker in workers.items()}
        samples = {}
        names = list(workers)
        # Nobody is always the first.
        for name in names[number % len(names) :] + names[: number % len(names)]:
            samples[name] = await workers[name].load(headers, CONNECTIONS, seconds)
        for name, worker in workers.items():
            used, sample = worker.running.cpu_seconds() - before[name], samples[name]
            found[name].append(
                {
                    "cpu_us": used / len(sample.latencies) * 1e6,
                    "rps": sample.rps,
                    "p50_ms": sample.milliseconds(0.5),
                    "memory_mb": worker.running.memory_bytes() / 1e6,
                }
            )
        costs = ", ".join(f"{name} {figures[-1]['cpu_us']:.0f}" for name, figures in found.items())
        print(f"round {number + 1}/{rounds}: CPU µs a call: {costs}", flush=True)
    return found


def page(found: Mapping[str, Sequence[Figures]], command: str, machine: str, version: str, seconds: float) -> str:
    """The results, as Markdown. found: the rounds of each."""
    table = {name: medians(rounds) for name, rounds in found.items()}
    own = table[OURS]["cpu_us"]
    rows = [
        [
            name,
            *(shown(figures[key]) for key in ("cpu_us", "rps", "p50_ms", "memory_mb")),
            shown(ratio(own, figures["cpu_us"])),
            shown(spread(found[name], "cpu_us")),
        ]
        for name, figures in table.items()
    ]
    claims = [
        [f"at most {MOST} × {name}", f"{times:.2f} ×", "yes" if times <= MOST else "**no**"]
        for name in (EMPTY, QUIET)
        if (times := ratio(own, table[name]["cpu_us"])) is not None
    ]
    titles = ["", "CPU µs a call", "rps", "p50 ms", "memory, MB", "Roundhouse's CPU ÷ its", "spread of CPU"]
    rounds = len(found[OURS])
    return "\n".join(
        [
            "# Inside the Functions runtime, measured\n",
            f"Written by `{command}` ([what it is](../docs/benchmarks.md#inside-the-functions-runtime)) on "
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. Machine: {machine}. Worker: {version}.\n",
            f"{CONNECTIONS} connections; each figure is the median of {rounds} interleaved rounds of {seconds:g} s. "
            "CPU is that of the worker's process. Spread: from the cheapest round to the dearest, over the median.\n",
            markdown(titles, rows),
            "## What is claimed\n",
            "The worker's CPU for a chat call:\n",
            markdown(["claim", "found", "holds"], claims),
            "## Settings\n\n| subject | what it is |\n|---|---|",
            *(f"| {name} | {NOTES[name]} |" for name in found),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
