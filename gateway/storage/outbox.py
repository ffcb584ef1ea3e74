"""Outboxes: where an event waits for its delivery, stored in the transaction of the change that caused it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.storage import columns
from gateway.storage.columns import Unreadable
from gateway.storage.rows import Row, Tables

EVENT_TYPES = (
    "model.added",
    "model.updated",
    "model.deprecated",
    "quota.exceeded",
    "quota.warning",
    "deployment.cooling",
    "deployment.recovered",
    "endpoint.started",
    "endpoint.stopped",
)

# Events that no change of a table caused.
OWN_PLACE = ("webhooks", "outbox")
# Every partition that may hold events, as table and PartitionKey.
PLACES: Sequence[tuple[str, str]] = (
    ("catalog", "model"),
    ("endpoints", "endpoint"),
    *(("quotas", shard) for shard in "0123456789abcdef"),
    OWN_PLACE,
)

PREFIX = "outbox:"
# ';' comes right after ':', so no key of an outbox is behind it.
END = "outbox;"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `id` tells it from all others, for good; `data` is what JSON can say, and no secret."""

    id: str
    event_type: str
    timestamp: datetime
    data: Mapping[str, Any]


COLUMNS = (
    columns.text("EventId", "id", required=True),
    columns.text("EventType", "event_type", required=True),
    columns.moment("At", "timestamp", required=True),
    columns.json_object("Data", "data"),
)


def new_event(event_type: str, timestamp: datetime, data: Mapping[str, Any]) -> Event:
    """An event with an id of its own."""
    return Event(f"msg_{uuid.uuid4().hex}", event_type, timestamp, data)


def row(partition: str, event: Event) -> Row:
    """The row to create beside the change; one of the table's PLACES has the partition."""
    return Row(partition, f"{PREFIX}{sortable(event.timestamp)}:{event.id}", columns.values(COLUMNS, event, None, {}))


def is_event(row: Row) -> bool:
    """Whether the row is an event, and none of those that its table is for."""
    return row.key.startswith(PREFIX)


def sortable(moment: datetime) -> str:
    """A moment as text of 22 characters whose order is that of time."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")


def payload(event: Event) -> bytes:
    """What is sent: seed 002's object."""
    timestamp = event.timestamp.astimezone(UTC).isoformat().replace("+00:00", "Z")
    sent = {"event_type": event.event_type, "timestamp": timestamp, "data": dict(event.data)}
    return json.dumps(sent, ensure_ascii=False).encode()


class Outbox:
    """All outboxes, for the one that delivers. A row that can't be read is named once in the log and left alone."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._complaints = columns.Complaints("outbox")

    async def put(self, event: Event) -> None:
        """Store an event that no change of a table caused. To do it twice is to do it once."""
        table, partition = OWN_PLACE
        await self._tables.put(table, row(partition, event))

    async def read(self, table: str, partition: str) -> list[tuple[Row, Event]]:
        """The events of one place, oldest first."""
        found: list[tuple[Row, Event]] = []
        for each in await self._tables.list(table, partition, first=PREFIX, last=END):
            try:
                found.append((each, Event(**{"data": {}} | columns.fields(COLUMNS, each))))
            except Unreadable as fault:
                self._complaints.about(each, f"{fault}; the event is not delivered")
        return found

    async def remove(self, table: str, row: Row) -> None:
        """Take away an event for which there is a delivery to everyone who wants it."""
        await self._tables.delete(table, row.partition, row.key)
