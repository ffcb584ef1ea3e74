"""The forecast of a limit: when it is used up if things go on as they went so far in its window."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.limits.accounts import Standing


def exhausted_at(standing: Standing, now: datetime) -> datetime | None:
    """The moment at which a limit will be used up; now when it is, None when it lasts until its window ends."""
    left = standing.limit.amount - standing.used
    if left <= 0:
        return now
    if standing.used <= 0:
        return None
    seconds = (now - standing.window.start).total_seconds() * (left / standing.used)
    return now + timedelta(seconds=seconds) if seconds < (standing.window.end - now).total_seconds() else None
