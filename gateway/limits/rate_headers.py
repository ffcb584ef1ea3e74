"""Rate headers: how the tightest limits stand, in the words of OpenAI's API."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from gateway.limits.holding import Holding
from gateway.limits.windows import Window
from gateway.registry.limits import Limit, Metric

# Of a metric: how much there is, how much of it remains, and when all of it is back.
_FORM = b"x-ratelimit-limit-%b: %%d\r\nx-ratelimit-remaining-%b: %%d\r\nx-ratelimit-reset-%b: %%b\r\n"
_LINES: dict[Metric, bytes] = {
    "requests": _FORM % (b"requests", b"requests", b"requests"),
    "tokens": _FORM % (b"tokens", b"tokens", b"tokens"),
}


def rate_lines(accounts: Iterable[Iterable[tuple[Limit, Holding]]], now: datetime) -> bytes:
    """The lines of `x-ratelimit-limit|remaining|reset-requests|tokens`; money has none.

    Of several limits of one metric, the one of which the least remains. accounts: of each, its limits with what is held
    of them.
    """
    tightest: dict[Metric, tuple[int, int, Window]] = {}
    for slots in accounts:
        for limit, holding in slots:
            remaining = holding.remaining(limit)
            known = tightest.get(limit.metric)
            if known is None or remaining < known[0]:
                tightest[limit.metric] = remaining, limit.amount, holding.window
    lines = b""
    for metric, (remaining, amount, window) in tightest.items():
        if metric != "cost":
            lines += _LINES[metric] % (amount, remaining, duration((window.end - now).total_seconds()))
    return lines


def duration(seconds: float) -> bytes:
    """As OpenAI writes it, never shorter than it is: `120ms`, `1s`, `6m0s`, `23h59m10s`."""
    return _clock(math.ceil(seconds)) if seconds > 0.999 else b"%dms" % max(0, math.ceil(seconds * 1000))


# What is told now is told again to all who are answered in this second.
@lru_cache(maxsize=256)
def _clock(seconds: int) -> bytes:
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours}h' * (hours > 0)}{f'{minutes}m' * (hours + minutes > 0)}{left}s".encode()
