"""The arithmetic of the measurements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.claims import verdicts
from benchmarks.figures import medians, percentile, ratio, shown, spread
from benchmarks.subjects import BARE_HTTPTOOLS, ROUNDHOUSE


def test_a_percentile_is_one_of_the_values_by_nearest_rank() -> None:
    values = [float(each) for each in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0, 0.001)] == [50, 99, 100, 1]
    assert percentile([7.0], 0.5) == 7


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_at_least_that_share_does_not_exceed_a_percentile(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(each <= found for each in values) >= share * len(values) - 1e-6


def test_a_median_is_of_the_rounds_that_gave_the_figure() -> None:
    assert medians([{"a": 1.0, "b": 5.0}, {"a": 9.0}, {"a": 2.0}]) == {"a": 2.0, "b": 5.0}
    assert medians([]) == {}


def test_a_ratio_with_a_missing_side_is_missing() -> None:
    assert ratio(3.0, 2.0) == 1.5
    assert ratio(None, 2.0) is ratio(3.0, None) is ratio(3.0, 0.0) is None


def test_the_spread_is_the_width_of_the_rounds_over_their_median() -> None:
    assert spread([{"a": 8.0}, {"a": 10.0}, {"a": 13.0}], "a") == 0.5
    assert spread([{"a": 8.0}], "a") is spread([{"a": 8.0}, {"b": 1.0}], "a") is None


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0321, "0.03"), (12.34, "12.3"), (123.4, "123"), (20_123.4, "20,123")]
)
def test_a_figure_is_shown_with_the_digits_that_count(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_a_claim_holds_fails_or_was_not_measured() -> None:
    own = {"rps_32": 1000.0, "p99_ms_32": 2.0, "first_added_ms": 0.6, "memory_mb": 80.0}
    figures = {
        ROUNDHOUSE: {**own, "held_cpu_percent": 10.0, "held_chunks_s": 5000.0},
        BARE_HTTPTOOLS: {"rps_32": 1500.0},
        "Portkey": {"rps_32": 101.0, "p99_ms_32": 2.0},
        "LiteLLM": {"held_cpu_percent": 8.0, "held_chunks_s": 1000.0},
    }
    found = {each.claim: each.holds for each in verdicts(figures)}
    assert found["at least 0.5 × bare httptools relay, requests a second at 32 connections"] is True
    assert found["at least 10 × Portkey, requests a second at 32 connections"] is False
    assert found["at least 60 × LiteLLM, requests a second at 32 connections"] is None
    assert found["a p99 no worse than that of Portkey"] is True
    assert found["under 0.5 ms added to a stream's first event"] is False
    assert found["under 90 MB after load"] is True
    assert found["first answer in under 0.8 s"] is None
    # LiteLLM used less CPU, but for each of the chunks that came through it used more.
    assert found["100 streams of 50 chunks a second: less CPU a chunk than LiteLLM"] is True
