"""What a status means."""

from __future__ import annotations

import pytest

from gateway.routing.outcome import Kind, judge


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.SERVED),
        (204, Kind.SERVED),
        (302, Kind.MISCONFIGURED),
        (400, Kind.REFUSED),
        (401, Kind.MISCONFIGURED),
        (403, Kind.MISCONFIGURED),
        (404, Kind.MISCONFIGURED),
        (408, Kind.FAILED),
        (409, Kind.CONTESTED),
        (413, Kind.REFUSED),
        (422, Kind.REFUSED),
        (429, Kind.THROTTLED),
        (500, Kind.FAILED),
        (503, Kind.FAILED),
        (529, Kind.FAILED),
    ],
)
def test_a_status_is_judged(status, kind):
    assert judge(status) is kind


def test_a_404_about_a_thing_that_lives_there_is_an_answer():
    assert judge(404, about_a_thing=True) is Kind.REFUSED


@pytest.mark.parametrize(
    ("kind", "final", "cools", "relayable"),
    [
        (Kind.SERVED, True, False, True),
        (Kind.REFUSED, True, False, True),
        (Kind.CONTESTED, False, False, True),
        (Kind.THROTTLED, False, True, True),
        (Kind.FAILED, False, True, True),
        (Kind.MISCONFIGURED, False, True, False),
        (Kind.UNREACHABLE, False, True, False),
        (Kind.TIMED_OUT, False, True, False),
    ],
)
def test_an_outcome_decides_retry_rest_and_relay(kind, final, cools, relayable):
    assert (kind.final, kind.cools, kind.relayable) == (final, cools, relayable)
