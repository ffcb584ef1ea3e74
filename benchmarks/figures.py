"""The arithmetic of the measurements: percentiles, medians over rounds, ratios. Nothing here measures anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

# What one round found of one subject, by the name of the figure; a figure that it could not give is left out.
Figures = Mapping[str, float]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least this share of them does not exceed (nearest rank); they are not empty."""
    ordered = sorted(values)
    rank = max(1, -int(-share * len(ordered) // 1))
    return ordered[rank - 1]


def medians(rounds: Iterable[Figures]) -> dict[str, float]:
    """Of each figure the median over the rounds that gave it."""
    found: dict[str, list[float]] = {}
    for figures in rounds:
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    return {name: median(values) for name, values in found.items()}


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """How many times theirs ours is; None when either is missing or theirs is 0."""
    return None if ours is None or not theirs else ours / theirs


def spread(rounds: Iterable[Figures], name: str) -> float | None:
    """How far the rounds lie apart in one figure: (largest - smallest) / median; None with fewer than two."""
    values = [figures[name] for figures in rounds if name in figures]
    middle = median(values) if len(values) > 1 else 0.0
    return (max(values) - min(values)) / middle if middle else None


def shown(value: float | None) -> str:
    """A figure with three digits that count, thousands separated; a dash for a missing one."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
