"""What an attempt makes of a delivery."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.storage.deliveries import Delivery
from gateway.storage.outbox import Event
from gateway.webhooks.schedule import WAITS, after_attempt, given_up
from gateway.webhooks.sender import Sent
from tests.fakes.dispatch import COOLING, NOON

FIRST = Delivery(webhook_id="ops", event=Event("msg_1", COOLING, NOON, {}), due_at=NOON, leased_until=NOON)
FAILED = Sent(status=503, error="it answered 503")


def wait(sent: Sent, attempts: int = 0, chance: float = 0.5) -> float:
    """Seconds until the next attempt."""
    after = after_attempt(replace(FIRST, attempts=attempts), sent, NOON, chance)
    assert after.state == "pending"
    return (after.due_at - NOON).total_seconds()


def test_what_was_taken_is_delivered_and_kept_for_three_days() -> None:
    after = after_attempt(FIRST, Sent(status=204), NOON, 0.5)
    assert after == replace(
        FIRST,
        state="delivered",
        attempts=1,
        leased_until=None,
        last_attempt_at=NOON,
        last_status=204,
        due_at=NOON + timedelta(days=3),
    )


def test_a_failure_is_tried_again_later_each_time_for_three_days() -> None:
    waits = [wait(FAILED, attempts) for attempts in range(len(WAITS))]
    assert waits[:5] == [5, 30, 120, 600, 1800] and waits == sorted(waits)
    assert timedelta(days=3) < timedelta(seconds=sum(waits)) < timedelta(days=4)
    after = after_attempt(replace(FIRST, attempts=len(WAITS)), FAILED, NOON, 0.5)
    assert (after.state, after.attempts, after.last_error) == ("dead", len(WAITS) + 1, "it answered 503")
    assert after.due_at == NOON + timedelta(days=30)


def test_the_wait_that_a_target_asks_for_is_kept_up_to_a_day_and_never_shortens_ours() -> None:
    assert wait(replace(FAILED, retry_after=90)) == 90
    assert wait(replace(FAILED, retry_after=1)) == 5
    assert wait(replace(FAILED, retry_after=1e9)) == 86_400


@given(st.floats(0, 1))
def test_attempts_that_failed_together_come_back_apart(chance: float) -> None:
    assert wait(FAILED, 5, chance) == pytest.approx(3600, rel=0.11)
    assert wait(FAILED, 5, 0.0) < wait(FAILED, 5, 1.0)


def test_a_target_that_is_gone_is_not_tried_again() -> None:
    after = after_attempt(FIRST, Sent(status=410, error="it answered 410"), NOON, 0.5)
    assert (after.state, after.attempts) == ("dead", 1)


def test_what_is_given_up_was_not_tried() -> None:
    after = given_up(FIRST, "no reason", NOON)
    assert (after.state, after.attempts, after.last_error, after.leased_until) == ("dead", 0, "no reason", None)
