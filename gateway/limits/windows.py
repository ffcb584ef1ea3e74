"""Windows: the calendar's minutes, days and months, in which limits are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from gateway.registry.limits import Period


@dataclass(frozen=True, slots=True)
class Window:
    """One minute, day or month. `key`s of one period and zone sort as their windows do. start and end are UTC."""

    key: str
    start: datetime
    end: datetime


def window(period: Period, now: datetime, zone: tzinfo) -> Window:
    """The window of a moment (an aware one). Days and months are the zone's: a day may have 23 or 25 hours.

    Minutes are UTC's: no zone of today is off by a part of one, and an hour that a zone repeats is not repeated here.
    """
    if period == "minute":
        start = now.astimezone(UTC).replace(second=0, microsecond=0)
        return Window(f"{start:%Y-%m-%dT%H:%M}", start, start + timedelta(minutes=1))
    today = now.astimezone(zone).date()
    if period == "day":
        first, after, key = today, today + timedelta(days=1), f"{today:%Y-%m-%d}"
    else:
        first = today.replace(day=1)
        after, key = (first + timedelta(days=31)).replace(day=1), f"{first:%Y-%m}"
    midnights = (datetime(each.year, each.month, each.day, tzinfo=zone).astimezone(UTC) for each in (first, after))
    return Window(key, *midnights)
