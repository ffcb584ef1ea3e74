"""Packing: calls put together into pages that storage takes whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from gateway.metering.pages import UsagePage
from gateway.metering.records import Charged, to_line
from gateway.metering.rollups import Counts, Dimensions, counts_of, dimensions_of, summed
from gateway.storage.usage import CHARACTERS_IN_A_PAGE, DIMENSIONS_IN_A_PAGE

# What calls of one page have in common, so that it lies in one hour and counts in one day: the tenant, the hour's day
# and number. And what those of one sum have, which is cheaper to tell than their Dimensions.
Hour = tuple[str, int, int]
Kind = tuple[str | int | None, ...]


@dataclass(slots=True)
class _Open:
    """A page that still grows."""

    tenant: str
    at: datetime
    lines: list[str] = field(default_factory=list)
    characters: int = 0
    counts: dict[Dimensions, list[Counts]] = field(default_factory=dict)

    def has_room(self, length: int) -> bool:
        """Whether a line of so many characters fits in."""
        return self.characters + length <= CHARACTERS_IN_A_PAGE


class Packing:
    """Gathers calls into pages, those of the same dimensions into the same. calls: how many it holds."""

    def __init__(self, instance: str) -> None:
        self.calls = 0
        self._instance = instance
        self._pages: list[_Open] = []
        self._newest: dict[Hour, _Open] = {}
        self._homes: dict[Kind, tuple[_Open, list[Counts]]] = {}

    def add(self, charged: Charged) -> None:
        """Put a call into a page that has room for it. Raises TypeError or AttributeError for what can't be counted."""
        line, counts, call = to_line(charged), counts_of(charged), charged.call
        hour = (call.tenant, call.at.toordinal(), call.at.hour)
        named = (call.provider, call.upstream_model, call.operation, call.deployment, call.key_id, call.endpoint)
        kind = (*hour, charged.model_id, *named)
        length = len(line) + 1
        home = self._homes.get(kind)
        if home is None or not home[0].has_room(length):
            page = self._with_room(hour, charged, length)
            home = self._homes[kind] = page, page.counts.setdefault(dimensions_of(charged), [])
        page, alike = home
        alike.append(counts)
        page.lines.append(line)
        page.characters += length
        self.calls += 1

    def pages(self, first: int) -> Iterator[UsagePage]:
        """All that was packed, numbered from `first` on."""
        for sequence, page in enumerate(self._pages, start=first):
            yield UsagePage(
                tenant=page.tenant,
                at=page.at,
                instance=self._instance,
                sequence=sequence,
                lines=tuple(page.lines),
                sums={dimensions: summed(counts) for dimensions, counts in page.counts.items()},
            )

    def _with_room(self, hour: Hour, first: Charged, length: int) -> _Open:
        """A page of this hour that takes other dimensions yet."""
        page = self._newest.get(hour)
        if page is None or not page.has_room(length) or len(page.counts) == DIMENSIONS_IN_A_PAGE:
            page = self._newest[hour] = _Open(first.call.tenant, first.call.at)
            self._pages.append(page)
        return page
