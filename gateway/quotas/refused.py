"""The words and the error of a refusal: which limit it was, what is left of it, when a retry can work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.errors import QuotaExceeded, RateLimited
from gateway.limits.accounts import Account, Amounts
from gateway.limits.holding import Refusal
from gateway.registry.limits import Limit, dollars

# What is told to calls that may fit as soon as others have settled.
SHORT_SECONDS = 1.0
# Added to what is told, so that those who were refused together don't come back together.
JITTER_SECONDS = 0.5


def refused(
    account: Account,
    refusals: Sequence[Refusal],
    need: Amounts,
    now: datetime,
    chance: float,
    headers: Sequence[tuple[bytes, bytes]],
) -> RateLimited:
    """The error for the refusal that lasts longest. chance: 0 to 1."""
    worst = max(refusals, key=lambda each: _seconds(each, now))
    limit = worst.limit
    asked, allowed = _amount(limit, getattr(need, limit.metric)), _amount(limit, limit.amount)
    of = f"{account.label} may use {allowed} a {limit.period}"
    wait: float | None = _seconds(worst, now) + JITTER_SECONDS * chance
    if worst.why == "never":
        wait = None
        message = f"This call needs {asked}, and {of}: it can never fit. Make it smaller."
    elif worst.why == "spent":
        message = f"{of}; too little is left for this call, which needs {asked}. The next {limit.period} begins at "
        message += f"{worst.window.end:%Y-%m-%dT%H:%M:%SZ}."
    else:
        message = f"{of}; what is left is reserved by calls that are running, and this call needs {asked}. Try again."
    kind = RateLimited if limit.period == "minute" else QuotaExceeded
    return kind(message[0].upper() + message[1:], retry_after=wait, limits=headers)


def _seconds(refusal: Refusal, now: datetime) -> float:
    if refusal.why == "never":
        return float("inf")
    left = max(0.0, (refusal.window.end - now).total_seconds())
    return left if refusal.why == "spent" else min(left, SHORT_SECONDS)


def _amount(limit: Limit, amount: int) -> str:
    if limit.metric == "cost":
        return f"${dollars(amount):.9f}".rstrip("0").rstrip(".")
    return f"{amount} {limit.metric if amount != 1 else limit.metric.removesuffix('s')}"
