"""How long a deployment rests."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.cooldown import Cooldowns, told_wait
from gateway.routing.outcome import Kind, Outcome

NOW = 1_767_225_600.0


class Clock:
    """A clock that moves when told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cooldowns(clock):
    return Cooldowns(clock, default_seconds=10, cap_seconds=120)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after-ms": "2500"}, 2.5),
        ({"x-ms-retry-after-ms": "300"}, 0.3),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": " 3 "}, 3.0),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"retry-after-ms": "2500", "retry-after": "9"}, 2.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"x-ratelimit-reset-requests": "1m30s"}, 90.0),
        ({"x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-reset-tokens": "12"}, 12.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-remaining-tokens": "900",
            },
            1.0,
        ),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "never"}, None),
        ({"retry-after": "1s 2"}, None),
        ({"retry-after": "Fri, 99 Foo 2026"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_the_time_an_upstream_names_is_understood(headers, wait):
    assert told_wait(headers, 429, NOW) == (pytest.approx(wait) if wait is not None else None)


def test_a_limits_reset_counts_on_a_429_alone():
    assert told_wait({"x-ratelimit-reset-tokens": "6m0s"}, 500, NOW) is None
    assert told_wait({"retry-after": "3"}, 503, NOW) == 3.0


@given(st.text(max_size=20))
def test_any_text_in_a_retry_header_is_a_time_or_none(text):
    wait = told_wait({"retry-after": text, "retry-after-ms": text, "x-ratelimit-reset-tokens": text}, 429, NOW)
    assert wait is None or wait >= 0


def test_a_failed_deployment_rests_for_the_default_time(cooldowns, clock):
    cooldowns.record("east", Outcome(Kind.FAILED, 500), alone=False)
    assert cooldowns.remaining("east") == 10
    assert cooldowns.reason("east").kind is Kind.FAILED
    assert cooldowns.remaining("west") == 0
    clock.now += 10
    assert cooldowns.remaining("east") == 0
    assert cooldowns.reason("east") is None


def test_a_told_time_is_capped(cooldowns):
    cooldowns.record("east", Outcome(Kind.THROTTLED, 429, wait=86_400), alone=False)
    cooldowns.record("west", Outcome(Kind.THROTTLED, 429, wait=float("inf")), alone=False)
    assert cooldowns.remaining("east") == cooldowns.remaining("west") == 120


def test_a_later_failure_never_shortens_a_running_rest(cooldowns):
    cooldowns.record("east", Outcome(Kind.THROTTLED, 429, wait=60), alone=False)
    cooldowns.record("east", Outcome(Kind.FAILED, 500), alone=False)
    assert cooldowns.remaining("east") == 60
    assert cooldowns.reason("east").kind is Kind.THROTTLED


def test_a_success_in_flight_does_not_end_a_rest(cooldowns):
    cooldowns.record("east", Outcome(Kind.THROTTLED, 429, wait=60), alone=False)
    cooldowns.record("east", Outcome(Kind.SERVED, 200), alone=False)
    assert cooldowns.remaining("east") == 60


def test_one_failed_call_of_a_lone_deployment_does_not_bench_it(cooldowns):
    cooldowns.record("east", Outcome(Kind.THROTTLED, 429, wait=60), alone=True)
    assert cooldowns.remaining("east") == 0


def test_a_lone_deployment_that_asks_twice_for_a_rest_gets_it(cooldowns):
    for _ in range(2):
        cooldowns.record("east", Outcome(Kind.THROTTLED, 429, wait=60), alone=True)
    assert cooldowns.remaining("east") == 60


def test_a_lone_deployment_that_names_no_time_is_never_benched(cooldowns):
    for _ in range(5):
        cooldowns.record("east", Outcome(Kind.UNREACHABLE), alone=True)
    assert cooldowns.remaining("east") == 0


def test_a_success_between_two_failures_starts_the_count_anew(cooldowns):
    for outcome in (Outcome(Kind.THROTTLED, 429, wait=60), Outcome(Kind.SERVED), Outcome(Kind.THROTTLED, 429, wait=60)):
        cooldowns.record("east", outcome, alone=True)
    assert cooldowns.remaining("east") == 0


def test_a_changed_deployment_starts_afresh(cooldowns):
    cooldowns.record("east", Outcome(Kind.MISCONFIGURED, 401), alone=False)
    cooldowns.record("west", Outcome(Kind.FAILED, 500), alone=False)
    cooldowns.forget(["east", "north"])
    assert cooldowns.remaining("east") == 0
    assert cooldowns.remaining("west") == 10


class Noted:
    """An observer that remembers."""

    def __init__(self):
        self.heard = []

    def rests(self, deployment_id, seconds, outcome):
        self.heard.append((deployment_id, seconds, outcome.kind))

    def serves_again(self, deployment_id):
        self.heard.append(deployment_id)


SERVED = Outcome(Kind.SERVED, 200)
THROTTLED = Outcome(Kind.THROTTLED, 429, wait=60)


def test_an_observer_hears_once_that_a_deployment_rests_and_once_that_it_serves_again(clock):
    noted = Noted()
    cooldowns = Cooldowns(clock, 10, 120, noted)
    cooldowns.record("west", SERVED, alone=False)
    cooldowns.record("east", THROTTLED, alone=False)
    cooldowns.record("east", Outcome(Kind.THROTTLED, 429, wait=90), alone=False)
    cooldowns.record("west", SERVED, alone=False)
    assert noted.heard == [("east", 60, Kind.THROTTLED)]
    # In flight when the rest began.
    cooldowns.record("east", SERVED, alone=False)
    clock.now += 90
    # It failed at once when the rest was over: it never came back.
    cooldowns.record("east", Outcome(Kind.FAILED, 500), alone=False)
    clock.now += 10
    assert len(noted.heard) == 1
    for _ in range(2):
        cooldowns.record("east", SERVED, alone=False)
    assert noted.heard[1:] == ["east"]
    cooldowns.record("east", THROTTLED, alone=False)
    assert len(noted.heard) == 3


def test_a_rest_of_no_time_is_no_news(clock):
    noted = Noted()
    cooldowns = Cooldowns(clock, 10, 120, noted)
    cooldowns.record("east", Outcome(Kind.THROTTLED, 429, wait=0), alone=False)
    cooldowns.record("west", THROTTLED, alone=True)
    assert noted.heard == []


def test_a_deployment_that_was_changed_while_it_rested_is_heard_of_when_it_serves(clock):
    noted = Noted()
    cooldowns = Cooldowns(clock, 10, 120, noted)
    cooldowns.record("east", THROTTLED, alone=False)
    cooldowns.forget(["east"])
    cooldowns.record("east", SERVED, alone=False)
    assert noted.heard[1:] == ["east"]
