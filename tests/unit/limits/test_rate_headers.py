"""The headers that say how limits stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.asgi import pairs
from gateway.limits.holding import Holding
from gateway.limits.rate_headers import duration, rate_lines
from gateway.limits.windows import window
from gateway.registry.limits import Limit

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


def slot(metric, period, amount, used, held=0):
    return Limit(metric, period, amount), Holding(window(period, NOW, UTC), spent=used, held=held)


def test_the_tightest_limit_of_each_metric_is_told():
    lines = rate_lines(
        [
            [slot("requests", "minute", 60, 10), slot("tokens", "minute", 5000, 6000)],
            [slot("requests", "day", 1000, 990, held=4), slot("cost", "day", 10**9, 0)],
        ],
        NOW,
    )
    assert dict(pairs(lines)) == {
        b"x-ratelimit-limit-requests": b"1000",
        b"x-ratelimit-remaining-requests": b"6",
        b"x-ratelimit-reset-requests": b"11h59m30s",
        b"x-ratelimit-limit-tokens": b"5000",
        b"x-ratelimit-remaining-tokens": b"0",
        b"x-ratelimit-reset-tokens": b"30s",
    }


def test_what_remains_is_that_of_the_standing():
    for used, held in ((10, 4), (60, 1), (0, 0)):
        limit, holding = slot("requests", "minute", 60, used, held)
        assert holding.remaining(limit) == holding.standing(limit).remaining


def test_without_limits_there_are_no_headers():
    assert rate_lines([], NOW) == rate_lines([[]], NOW) == b""


def test_durations_are_written_as_openai_does_and_never_shorter_than_they_are():
    for seconds, text in (
        (-1, "0ms"),
        (0.12, "120ms"),
        (0.9999, "1s"),
        (1, "1s"),
        (1.2, "2s"),
        (59.01, "1m0s"),
        (360, "6m0s"),
        (3600, "1h0m0s"),
        (timedelta(days=3, seconds=61).total_seconds(), "72h1m1s"),
    ):
        assert duration(seconds).decode() == text
