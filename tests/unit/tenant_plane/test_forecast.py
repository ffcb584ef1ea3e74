"""The forecast of a limit: linear, from what was used since its window began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.accounts import Standing
from gateway.limits.windows import window
from gateway.registry.limits import Limit
from gateway.tenant_plane.forecast import exhausted_at

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = window("day", NOON, UTC)


def standing(used: int, amount: int = 1000) -> Standing:
    return Standing(Limit("tokens", "day", amount), DAY, used)


def test_at_the_pace_so_far_it_ends_then() -> None:
    assert exhausted_at(standing(600), NOON) == datetime(2026, 11, 20, 20, tzinfo=UTC)


def test_what_lasts_until_the_reset_has_no_end() -> None:
    assert exhausted_at(standing(0), NOON) is None
    assert exhausted_at(standing(500), NOON) is None
    assert exhausted_at(standing(1, 10**18), NOON) is None


def test_what_is_spent_ended_already() -> None:
    for used in (1000, 1001):
        assert exhausted_at(standing(used), NOON) == NOON
    assert exhausted_at(standing(0, 0), NOON) == NOON


@given(used=st.integers(0, 10**15), amount=st.integers(0, 10**15), seconds=st.integers(0, 86_399))
def test_an_end_is_always_in_what_is_left_of_the_window(used: int, amount: int, seconds: int) -> None:
    now = DAY.start + timedelta(seconds=seconds)
    end = exhausted_at(standing(used, amount), now)
    assert end is None or now <= end <= DAY.end
