"""Pages: calls of one tenant that are stored together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.metering.records import Charged, from_line, to_line
from gateway.metering.rollups import Dimensions, Totals, rolled_up

CALLS = "calls"
MOMENT = "%Y-%m-%dT%H:%M:%S.%f"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePage:
    """Calls of one tenant in one hour (UTC): the line of each, and what they come to.

    at: the moment of its first call. instance, sequence: who made it, and its number there. These three are its key,
    which never changes, so that a page is stored once however often that is tried.
    """

    tenant: str
    at: datetime
    instance: str
    sequence: int
    lines: tuple[str, ...]
    sums: Mapping[Dimensions, Totals]

    @classmethod
    def of(cls, instance: str, sequence: int, calls: Iterable[Charged]) -> UsagePage:
        """The page of these calls, all of one tenant and hour. ValueError if there are none."""
        first, *others = calls
        lines = tuple(map(to_line, (first, *others)))
        sums = rolled_up((first, *others))
        called = first.call
        return cls(tenant=called.tenant, at=called.at, instance=instance, sequence=sequence, lines=lines, sums=sums)

    @property
    def day(self) -> str:
        """`2026-11-20`."""
        return f"{self.at:%Y-%m-%d}"

    @property
    def month(self) -> str:
        """`2026-11`."""
        return f"{self.at:%Y-%m}"

    @property
    def key(self) -> str:
        """`calls|2026-11-20T14:05:07.123456|<instance>|<sequence>`."""
        return f"{CALLS}|{self.at:{MOMENT}}|{self.instance}|{self.sequence:08}"

    def calls(self) -> list[Charged]:
        """Its calls, read from their lines."""
        return [from_line(line) for line in self.lines]
