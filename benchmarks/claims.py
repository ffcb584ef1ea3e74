"""What Roundhouse claims of its speed, each held against what a run found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.figures import Figures, ratio, shown
from benchmarks.subjects import BARE_HTTPTOOLS, ROUNDHOUSE

PEERS = ("Portkey", "LiteLLM", "TensorZero")
# So many times a subject's requests a second at 32 connections.
TIMES = {"Portkey": 10.0, "LiteLLM": 60.0, "TensorZero": 1.5, BARE_HTTPTOOLS: 0.5}
ADDED_MS = 0.5
START_S = 0.8
MEMORY_MB = 90.0


@dataclass(frozen=True)
class Verdict:
    """A claim, what was found, and whether it holds; None: what it needs was not measured."""

    claim: str
    found: str
    holds: bool | None


def verdicts(figures: Mapping[str, Figures]) -> list[Verdict]:
    """Every claim, in the order in which it is made. figures: by subject and name, medians."""
    own = figures.get(ROUNDHOUSE, {})
    made = []
    for name, times in TIMES.items():
        found = ratio(own.get("rps_32"), figures.get(name, {}).get("rps_32"))
        made.append(_verdict(f"at least {times:g} × {name}, requests a second at 32 connections", found, " ×", times))
    for name in PEERS:
        found = ratio(own.get("p99_ms_32"), figures.get(name, {}).get("p99_ms_32"))
        made.append(_verdict(f"a p99 no worse than that of {name}", found, " ×", most=1.0))
    added = own.get("first_added_ms")
    made.append(_verdict(f"under {ADDED_MS:g} ms added to a stream's first event", added, " ms", most=ADDED_MS))
    for name in PEERS:
        found = ratio(_held(own), _held(figures.get(name, {})))
        made.append(_verdict(f"100 streams of 50 chunks a second: less CPU a chunk than {name}", found, " ×", most=1.0))
    made.append(_verdict(f"first answer in under {START_S:g} s", own.get("start_s"), " s", most=START_S))
    made.append(_verdict(f"under {MEMORY_MB:g} MB after load", own.get("memory_mb"), " MB", most=MEMORY_MB))
    return made


def _verdict(claim: str, found: float | None, unit: str, least: float = 0.0, most: float = float("inf")) -> Verdict:
    if found is None:
        return Verdict(claim, "–", None)
    return Verdict(claim, shown(found) + unit, least <= found <= most)


def _held(figures: Figures) -> float | None:
    """CPU for each chunk that came through: a subject that can't keep up must not look thrifty for it."""
    return ratio(figures.get("held_cpu_percent"), figures.get("held_chunks_s"))
