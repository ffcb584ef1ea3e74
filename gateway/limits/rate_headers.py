"""Rate headers: how the tightest limits stand, in the words of OpenAI's API."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from gateway.limits.accounts import Standing

Headers = list[tuple[bytes, bytes]]


def rate_headers(standings: Iterable[Standing], now: datetime) -> Headers:
    """`x-ratelimit-limit|remaining|reset-requests|tokens`; money has none. Of several limits of one metric, the one of
    which the least remains."""
    found = list(standings)
    headers: Headers = []
    for metric in ("requests", "tokens"):
        of_it = (each for each in found if each.limit.metric == metric)
        standing = min(of_it, key=lambda each: each.remaining, default=None)
        if standing is not None:
            for name, value in (
                ("limit", str(standing.limit.amount)),
                ("remaining", str(standing.remaining)),
                ("reset", duration((standing.window.end - now).total_seconds())),
            ):
                headers.append((f"x-ratelimit-{name}-{metric}".encode(), value.encode()))
    return headers


def duration(seconds: float) -> str:
    """As OpenAI writes it, never shorter than it is: `120ms`, `1s`, `6m0s`, `23h59m10s`."""
    milliseconds = max(0, math.ceil(seconds * 1000))
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, left = divmod(math.ceil(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours}h' * (hours > 0)}{f'{minutes}m' * (hours + minutes > 0)}{left}s"
