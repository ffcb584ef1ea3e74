"""The results: tables of medians and of ratios, with the machine, the versions and the settings that they are of."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.claims import verdicts
from benchmarks.figures import medians, ratio, shown, spread
from benchmarks.subjects import ROUNDHOUSE, UPSTREAM, Subject

Column = tuple[str, str]

PLAIN: list[Column] = [
    *((f"rps, {each}", f"rps_{each}") for each in (1, 32, 128)),
    *((f"{name} ms, {each}", f"{name}_ms_{each}") for each in (1, 32, 128) for name in ("p50", "p99")),
    *((f"CPU µs, {each}", f"cpu_us_{each}") for each in (1, 32, 128)),
]
STREAMS: list[Column] = [
    ("first event, ms", "first_ms"),
    ("added, ms", "first_added_ms"),
    ("chunks a second", "chunks_s"),
    ("CPU µs a chunk", "chunk_cpu_us"),
    ("100 streams: CPU % of the core", "held_cpu_percent"),
    ("100 streams: chunks a second", "held_chunks_s"),
]
REST: list[Column] = [
    ("1 MB: rps", "large_rps"),
    ("1 MB: p50 ms", "large_p50_ms"),
    ("1 MB: CPU ms", "large_cpu_ms"),
    ("first answer, s", "start_s"),
    ("memory after load, MB", "memory_mb"),
]
RATIOS: list[Column] = [
    *((f"rps, {each}", f"rps_{each}") for each in (1, 32, 128)),
    ("p99, 32", "p99_ms_32"),
    ("CPU, 32", "cpu_us_32"),
    ("1 MB: rps", "large_rps"),
    ("1 MB: CPU", "large_cpu_ms"),
    ("chunks a second", "chunks_s"),
    ("CPU a chunk", "chunk_cpu_us"),
    ("100 streams: CPU", "held_cpu_percent"),
    ("first answer", "start_s"),
    ("memory", "memory_mb"),
]


@dataclass
class Results:
    """Everything that a run found, and what it was found on."""

    machine: str
    command: str
    rounds: int
    seconds: float
    subjects: dict[str, Subject]
    missing: dict[str, str]
    found: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    load_after: float = 0.0

    def add(self, name: str, figures: dict[str, float]) -> None:
        """Take one round of one subject."""
        self.found.setdefault(name, []).append(figures)

    def note(self, text: str) -> None:
        """Take note of what did not go well, and say so at once."""
        print(text, flush=True)
        self.notes.append(text)

    def medians(self) -> dict[str, dict[str, float]]:
        """Every subject's figures, with what each adds to the upstream's own first event."""
        table = {name: medians(rounds) for name, rounds in self.found.items()}
        direct = table.get(UPSTREAM, {}).get("first_ms")
        for name, figures in table.items():
            if direct is not None and name != UPSTREAM and "first_ms" in figures:
                figures["first_added_ms"] = figures["first_ms"] - direct
        return table


def machine(load: float, placed: tuple[int, int, int]) -> str:
    """What it runs on: processor, cores, kernel, and how busy it was with other things."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = names[0].partition(":")[2].strip() if names else platform.processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{processor}, {os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release()}; the subject on core "
        f"{placed[0]}, the upstream on core {placed[1]}, the load on core {placed[2]}; load average before: {load:.2f}"
    )


def write(results: Results, path: Path) -> str:
    """Write the results; answers their tables."""
    figures = results.medians()
    tables = "\n".join(
        [
            "## Plain calls\n\nRequests a second, latencies and CPU of the subject for each request, at 1, 32 and 128 "
            f"connections; answers of 620 bytes.\n\n{_table(figures, PLAIN)}",
            "## Streams\n\nThe first event of a stream, alone, and what that adds to asking the upstream; chunks that "
            "come one after another, on 16 connections; 100 streams of 50 chunks a second each (5,000 in all; fewer "
            f"that came through: it could not keep up).\n\n{_table(figures, STREAMS)}",
            "## Large bodies, start, memory\n\nRequests of 1 MB on 8 connections; from the start of the process to its "
            f"first good answer; resident memory of all its processes after the load.\n\n{_table(figures, REST)}",
            f"## Roundhouse against each\n\n{_ratios(figures)}",
            f"## What is claimed\n\n{_claims(figures)}",
        ]
    )
    path.write_text(_page(results, figures, tables))
    return tables


def _page(results: Results, figures: dict[str, dict[str, float]], tables: str) -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    wide = {name: spread(rounds, "rps_32") for name, rounds in results.found.items()}
    spreads = ", ".join(f"{name} {value:.0%}" for name, value in wide.items() if value is not None)
    subjects = [f"| {name} | {subject.version or '–'} | {subject.note} |" for name, subject in results.subjects.items()]
    missing = [f"- **{name}** is missing: {reason}" for name, reason in results.missing.items()]
    return "\n".join(
        [
            "# Results\n",
            f"Written by `{results.command}` ([how it measures](../docs/benchmarks.md)) on {when}. Figures are of this "
            "machine and that hour; their ratios are what lasts.\n",
            f"- Machine: {results.machine}, after: {results.load_after:.2f}.",
            f"- Each figure is the median of {results.rounds} interleaved rounds of {results.seconds:g} s; each round "
            "starts every subject anew.",
            "- From the slowest round to the fastest, as a share of the median of requests a second at 32 connections: "
            f"{spreads or 'one round only'}.",
            *missing,
            *(f"- {note}" for note in results.notes),
            f"\n{tables}\n",
            "## Settings\n\n| subject | version | settings |\n|---|---|---|",
            *subjects,
            "",
        ]
    )


def _table(figures: dict[str, dict[str, float]], columns: Sequence[Column]) -> str:
    rows = [[name, *(shown(found.get(key)) for _, key in columns)] for name, found in figures.items()]
    return markdown(["", *(title for title, _ in columns)], rows)


def _ratios(figures: dict[str, dict[str, float]]) -> str:
    own = figures.get(ROUNDHOUSE)
    if own is None:
        return "Roundhouse was not measured.\n"
    rows = []
    for name, theirs in figures.items():
        if name not in (ROUNDHOUSE, UPSTREAM):
            rows.append([name, *(_times(own.get(key), theirs.get(key)) for _, key in RATIOS)])
    explained = "Roundhouse's figure divided by the other's. For rates more is better, for all else less.\n\n"
    return explained + markdown(["Roundhouse ÷", *(title for title, _ in RATIOS)], rows)


def _claims(figures: dict[str, dict[str, float]]) -> str:
    words = {True: "yes", False: "**no**", None: "not measured"}
    rows = [[each.claim, each.found, words[each.holds]] for each in verdicts(figures)]
    return markdown(["claim", "found", "holds"], rows)


def _times(ours: float | None, theirs: float | None) -> str:
    found = ratio(ours, theirs)
    return "–" if found is None else f"{found:.2f} ×"


def markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, its first column of words and all others of numbers."""
    lines = [f"| {' | '.join(titles)} |", f"|---|{'---:|' * (len(titles) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"
