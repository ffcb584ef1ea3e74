"""What an attempt makes of a delivery: delivered, tried again and when, or dead."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.storage.deliveries import Delivery
from gateway.webhooks.sender import Sent

MINUTE, HOUR = 60.0, 3600.0
# Seconds to the next attempt, after the first failure, the second, …: three days in all.
WAITS = (
    *(5.0, 30.0, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(1 * HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR),
)
JITTER = 0.1
# The longest that a target's `retry-after` may put an attempt off.
MOST_TOLD = 24 * HOUR
GONE = 410

DELIVERED_IS_KEPT = timedelta(days=3)
DEAD_IS_KEPT = timedelta(days=30)


def after_attempt(before: Delivery, sent: Sent, now: datetime, chance: float) -> Delivery:
    """The delivery after an attempt. chance: 0 to 1, spreads attempts that failed together."""
    tried = replace(
        before,
        attempts=before.attempts + 1,
        leased_until=None,
        last_attempt_at=now,
        last_status=sent.status,
        last_error=sent.error,
    )
    if sent.error is None:
        return replace(tried, state="delivered", due_at=now + DELIVERED_IS_KEPT)
    if sent.status == GONE or tried.attempts > len(WAITS):
        return replace(tried, state="dead", due_at=now + DEAD_IS_KEPT)
    wait = WAITS[before.attempts] * (1 - JITTER + 2 * JITTER * chance)
    return replace(tried, due_at=now + timedelta(seconds=max(wait, min(sent.retry_after or 0.0, MOST_TOLD))))


def given_up(before: Delivery, why: str, now: datetime) -> Delivery:
    """The delivery as a dead letter, without an attempt."""
    return replace(before, state="dead", leased_until=None, last_error=why, due_at=now + DEAD_IS_KEPT)
