"""How an endpoint's calls went."""

from __future__ import annotations

from gateway.metering.endpoint_counts import LATEST, EndpointCounts


def test_nothing_is_known_before_the_first_call():
    counts = EndpointCounts()
    assert (counts.error_rate, counts.percentile(50)) == (0.0, None)


def test_calls_errors_and_percentiles_are_told():
    counts = EndpointCounts()
    for number in range(1, 101):
        counts.record(number / 100, failed=number % 4 == 0)
    assert (counts.requests, counts.errors, counts.error_rate) == (100, 25, 0.25)
    assert [counts.percentile(percent) for percent in (50, 95, 99, 100)] == [0.5, 0.95, 0.99, 1.0]


def test_percentiles_are_over_the_latest_calls():
    counts = EndpointCounts()
    for _ in range(LATEST):
        counts.record(9.0, failed=False)
    for _ in range(LATEST):
        counts.record(1.0, failed=False)
    assert counts.percentile(99) == 1.0
    assert counts.requests == 2 * LATEST
