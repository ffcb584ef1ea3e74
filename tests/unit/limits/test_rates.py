"""A deployment's own limits, respected before it is called."""

from __future__ import annotations

import pytest

from gateway.limits.rates import Rates, estimated_tokens
from tests.builders import deployment
from tests.unit.routing.test_cooldown import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rates(clock):
    return Rates(clock)


def test_requests_of_a_minute_are_counted(rates, clock):
    limited = deployment(rpm=2)
    for _ in range(2):
        assert rates.wait(limited, 1) == 0
        rates.take(limited, 1)
    clock.now += 20
    assert rates.wait(limited, 1) == 40
    clock.now += 40
    assert rates.wait(limited, 1) == 0


def test_tokens_of_a_minute_are_counted(rates):
    limited = deployment(tpm=100)
    rates.take(limited, 60)
    assert rates.wait(limited, 40) == 0
    assert rates.wait(limited, 41) == 60


def test_a_call_larger_than_a_minute_may_go_alone(rates):
    limited = deployment(tpm=100)
    assert rates.wait(limited, 500) == 0
    rates.take(limited, 500)
    assert rates.wait(limited, 1) == 60


def test_a_deployment_without_limits_is_not_counted(rates):
    rates.take(deployment(), 10**9)
    assert rates.wait(deployment(), 10**9) == 0


def test_a_changed_deployment_starts_afresh(rates):
    limited = deployment(rpm=1)
    rates.take(limited, 1)
    rates.forget([limited.id])
    assert rates.wait(limited, 1) == 0


def test_tokens_are_estimated_from_the_length_and_the_most_output():
    assert estimated_tokens(400, 50) == 150
