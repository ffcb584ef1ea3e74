"""Time zones by their IANA names, as the pinned data has them: the same on every machine."""

from __future__ import annotations

from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo


class UnknownTimeZone(ValueError):
    """No time zone has that name."""


@cache
def time_zones() -> frozenset[str]:
    """Every name, such as `UTC` and `Europe/Berlin`."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@cache
def time_zone(name: str) -> ZoneInfo:
    """The time zone of a name, the same object each time. Raises UnknownTimeZone."""
    if name not in time_zones():
        raise UnknownTimeZone(f"{name[:64]!r} is no time zone")
    return ZoneInfo(name)
