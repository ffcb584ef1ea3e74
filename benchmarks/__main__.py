"""`make bench`: every subject in turn, round after round, on a core of its own; prints tables and writes results.md."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import roundhouse
from benchmarks.measure import Effort, measure
from benchmarks.peers import peers
from benchmarks.process import DidNotStart, Launch, Running, cores
from benchmarks.report import Results, machine, write
from benchmarks.subjects import Missing, Subject, ours

RESULTS = Path(__file__).with_name("results.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: measured, whoever was missing. 2: this machine can't."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", default="", metavar="NAMES", help="subjects whose names hold one of these: tensor,bare"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all subjects (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds of load for each figure (3)")
    parser.add_argument(
        "--skip-install", action="store_true", help="install no peer; those that are there are measured"
    )
    parser.add_argument("--quick", action="store_true", help="one round of one second: whether it works, not how fast")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file to write (benchmarks/results.md)")
    given = parser.parse_args(arguments)
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        print("This needs Linux (/proc) and two cores.", file=sys.stderr)
        return 2
    import uvloop

    uvloop.run(_bench(given))
    return 0


async def _bench(given: argparse.Namespace) -> None:
    rounds, effort = (1, Effort(1.0, 1.0)) if given.quick else (given.rounds, Effort(given.seconds, 2.0))
    subject_core, upstream_core, load_core = cores()
    words = [word for word in given.only.lower().split(",") if word]

    def wanted(name: str) -> bool:
        return not words or any(word in name.lower() for word in words)

    load_before = os.getloadavg()[0]
    with contextlib.ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        others = await asyncio.to_thread(peers, not given.skip_install, _say, wanted)
        os.sched_setaffinity(0, {load_core})
        upstream = Running(Launch([sys.executable, "-m", "benchmarks.upstream"]), upstream_core, logs / "upstream.log")
        stack.callback(upstream.stop)
        address = upstream.address(30)
        launch: Callable[[str], Launch] = roundhouse.launch_in_memory
        storage = "in memory, for Node or Azurite are missing"
        started = roundhouse.azurite(upstream_core, logs / "azurite.log")
        if started is not None:
            azurite, connection = started
            stack.callback(azurite.stop)
            await roundhouse.fill(connection, address)
            launch, storage = lambda _: roundhouse.launch(connection), "Azurite, on the other core"
        candidates = [*ours(launch, storage), *others]
        subjects = [each for each in candidates if isinstance(each, Subject) and wanted(each.name)]
        results = Results(
            machine(load_before, (subject_core, upstream_core, load_core)),
            f"python -m benchmarks {' '.join(sys.argv[1:])}".strip(),
            rounds,
            effort.seconds,
            {each.name: each for each in subjects},
            {each.name: each.reason for each in others if isinstance(each, Missing)},
        )
        await _rounds(results, subjects, address, subject_core, effort, logs)
    results.load_after = os.getloadavg()[0]
    print("\n" + write(results, given.output))
    _say(f"written to {given.output}")


async def _rounds(
    results: Results, subjects: list[Subject], address: str, core: int, effort: Effort, logs: Path
) -> None:
    for number in range(results.rounds):
        # Nobody is always the first, on a machine that may warm up.
        for subject in subjects[number % len(subjects) :] + subjects[: number % len(subjects)]:
            if subject.name in results.missing:
                continue
            began = time.monotonic()
            log = logs / f"{subject.name}.log"
            try:
                figures = await measure(subject, address, core, effort, log, results.note)
            except (DidNotStart, OSError, TimeoutError) as fault:
                results.missing[subject.name] = " ".join(str(fault).split())[:400]
                _say(f"round {number + 1}/{results.rounds}  {subject.name}: {fault}")
                continue
            results.add(subject.name, figures)
            rps = figures.get("rps_32")
            shown = "no figure" if rps is None else f"{rps:,.0f} requests a second at 32 connections"
            took = time.monotonic() - began
            _say(f"round {number + 1}/{results.rounds}  {subject.name:<22} {shown:<46} ({took:.0f} s)")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
