"""The delivery store: table `webhooks`, one row for each event and webhook, and one that says when it is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from gateway.errors import NotFound
from gateway.storage import columns, optimistic, outbox
from gateway.storage.columns import Column, Unreadable
from gateway.storage.outbox import Event, sortable
from gateway.storage.rows import Row, RowChanged, RowExists, Tables, Value

TABLE = "webhooks"
PARTITION = "delivery"
DELIVERY = "delivery:"
DUE = "due:"
LEASE = timedelta(seconds=60)

State = Literal["pending", "delivered", "dead"]


def _state(value: Value) -> Any:
    if value not in get_args(State):
        raise ValueError
    return value


COLUMNS = (
    columns.text("WebhookId", "webhook_id", required=True),
    Column("State", "state", _state, str, required=True),
    columns.moment("DueAt", "due_at", required=True),
    columns.whole("Attempts", "attempts"),
    columns.moment("LeasedUntil", "leased_until"),
    columns.moment("LastAttemptAt", "last_attempt_at"),
    columns.whole("LastStatus", "last_status"),
    columns.text("LastError", "last_error"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one webhook.

    state: `pending` until a target took it, `dead` when no more is tried. due_at: when a pending one is tried next,
    when any other is removed. leased_until: until then it is the instance's that claimed it. etag: its version as
    storage knows it.
    """

    webhook_id: str
    event: Event
    state: State = "pending"
    due_at: datetime
    attempts: int = 0
    leased_until: datetime | None = None
    last_attempt_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    etag: str | None = None

    @property
    def id(self) -> str:
        """Made of both ids, so that there is one delivery of an event to a webhook."""
        return f"{self.webhook_id}.{self.event.id}"


class DeliveryStore:
    """Deliveries at rest, in one partition, so that a delivery and the row that says when it is due change at once.

    RowKeys: `delivery:<webhook's id>.<event's id>` and `due:<time>:<webhook's id>.<event's id>`. What is due is then
    one read, however many deliveries are kept. A row that can't be read is left out and named once in the log.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._complaints = columns.Complaints(TABLE)

    async def add(self, webhook_id: str, event: Event, now: datetime) -> None:
        """Have an event delivered to a webhook; to do it twice is to do it once."""
        delivery = Delivery(webhook_id=webhook_id, event=event, due_at=now)
        try:
            await self._tables.transact(TABLE, create=[_row(delivery), _due_row(delivery)])
        except RowExists:
            return

    async def due(self, now: datetime) -> list[Row]:
        """The rows that say what is due by now, the longest due first; `webhook_of` and `claim` read them."""
        return await self._tables.list(TABLE, PARTITION, first=DUE, last=f"{DUE}{sortable(now)};")

    async def claim(self, due: Row, now: datetime) -> Delivery | None:
        """The pending delivery that a row says is due, which for a minute is the caller's alone.

        None when there is nothing to send: another instance was first, or the delivery is over; one that is over and
        due is removed.
        """
        row = await self._tables.get(TABLE, PARTITION, DELIVERY + due.key.split(":", 2)[2])
        delivery = None if row is None else self._read(row)
        if delivery is None or _due_row(delivery).key != due.key:
            await self._tables.delete(TABLE, PARTITION, due.key)
            return None
        if delivery.state != "pending":
            await self.remove(delivery)
            return None
        if delivery.leased_until is not None and now < delivery.leased_until:
            return None
        claimed = replace(delivery, leased_until=now + LEASE)
        try:
            return replace(claimed, etag=(await self._tables.replace(TABLE, _row(claimed))).etag)
        except RowChanged:
            return None

    async def settle(self, before: Delivery, after: Delivery) -> bool:
        """Store what became of a delivery; False when it was changed or removed meanwhile."""
        try:
            await self._tables.transact(
                TABLE,
                create=[_due_row(after)],
                replace=[_row(replace(after, etag=before.etag))],
                delete=[_due_row(before)],
            )
        except (RowChanged, RowExists):
            return False
        return True

    async def remove(self, delivery: Delivery) -> None:
        """Forget a delivery, unless it was changed meanwhile."""
        try:
            await self._tables.transact(TABLE, delete=[_row(delivery), _due_row(delivery)])
        except RowChanged:
            return

    async def of(self, webhook_id: str) -> list[Delivery]:
        """A webhook's deliveries, the newest event first."""
        return await self._list(f"{DELIVERY}{webhook_id}.", f"{DELIVERY}{webhook_id}.~")

    async def dead(self) -> list[Delivery]:
        """The dead letters of all webhooks, the newest event first."""
        return [each for each in await self._list(DELIVERY, "delivery;") if each.state == "dead"]

    async def replay(self, delivery_id: str, now: datetime) -> Delivery:
        """Have a dead letter tried again, from the start. Raises NotFound and Conflict."""
        for attempt in range(optimistic.TRIES):
            row = await self._tables.get(TABLE, PARTITION, DELIVERY + delivery_id)
            before = None if row is None else self._read(row)
            if before is None or before.state != "dead":
                raise NotFound(f"There is no dead letter with the id {delivery_id!r}.")
            after = replace(before, state="pending", attempts=0, leased_until=None, due_at=now)
            if await self.settle(before, after):
                return after
            await optimistic.pause(attempt)
        raise optimistic.too_many_writers(PARTITION, delivery_id)

    async def _list(self, first: str, last: str) -> list[Delivery]:
        rows = await self._tables.list(TABLE, PARTITION, first=first, last=last)
        found = [delivery for row in rows if (delivery := self._read(row)) is not None]
        return sorted(found, key=lambda each: (each.event.timestamp, each.event.id), reverse=True)

    def _read(self, row: Row) -> Delivery | None:
        try:
            event = Event(**{"data": {}} | columns.fields(outbox.COLUMNS, row))
            return Delivery(event=event, etag=row.etag, **columns.fields(COLUMNS, row))
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; it is left out")
            return None


def webhook_of(due: Row) -> str:
    """The id of the webhook that something is due for."""
    return due.key.split(":", 2)[2].partition(".")[0]


def by_webhook(due: Sequence[Row]) -> dict[str, list[Row]]:
    """What is due for each webhook, in the order given."""
    found: dict[str, list[Row]] = {}
    for each in due:
        found.setdefault(webhook_of(each), []).append(each)
    return found


def _row(delivery: Delivery) -> Row:
    event = columns.values(outbox.COLUMNS, delivery.event, None, {})
    return Row(PARTITION, DELIVERY + delivery.id, columns.values(COLUMNS, delivery, None, event), delivery.etag)


def _due_row(delivery: Delivery) -> Row:
    return Row(PARTITION, f"{DUE}{sortable(delivery.due_at)}:{delivery.id}")
