"""The events of quotas: that most of a limit is used, and that a limit has refused a call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from gateway.limits.accounts import Account
from gateway.limits.ledger import Entry
from gateway.registry.limits import Limit, Period, dollars
from gateway.storage.outbox import Event, new_event

WARNING: Literal["quota.warning"] = "quota.warning"
EXCEEDED: Literal["quota.exceeded"] = "quota.exceeded"
Wanted = Callable[[], frozenset[str]]

# Four fifths of a limit are most of it.
PARTS, WARN_AT = 5, 4
ADVERBS: dict[Period, str] = {"minute": "minute", "day": "daily", "month": "monthly"}


def is_mostly_used(limit: Limit, entry: Entry) -> bool:
    """Whether it is time for a warning."""
    return limit.amount > 0 and entry.used * PARTS >= limit.amount * WARN_AT


def quota_event(event_type: str, account: Account, limit: Limit, used: int, now: datetime) -> Event:
    """The event, with seed 002's fields. Money is told in dollars."""
    in_unit = dollars if limit.metric == "cost" else int
    data = {
        "tenant_id": account.tenant_id,
        "model_id": account.model_id,
        "limit_type": f"{ADVERBS[limit.period]}_{limit.metric}",
        "limit": in_unit(limit.amount),
        "used": in_unit(used),
    }
    return new_event(event_type, now, data)
