"""The webhook store: table `webhooks`, one row for each registration, its secrets sealed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.errors import NotFound
from gateway.storage import columns, optimistic, revision
from gateway.storage.columns import Unreadable
from gateway.storage.rows import Row, Tables, Value
from gateway.storage.seal import Seal, SealBroken

TABLE = "webhooks"
PARTITION = "webhook"

COLUMNS = (
    columns.text("Url", "url", required=True),
    columns.texts("Events", "events"),
    columns.flag("Active", "active"),
    columns.text("Description", "description"),
    columns.moment("PreviousUntil", "previous_until"),
    columns.moment("GoneAt", "gone_at"),
    columns.moment("CreatedAt", "created_at", required=True),
    columns.moment("UpdatedAt", "updated_at", required=True),
)
# The columns of what is sealed, and the fields that it opens to.
SEALED = {"Secret": "secret", "PreviousSecret": "previous_secret"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that wants to hear of events.

    secret: `whsec_…`; None when it can't be opened. previous_secret signs too, until previous_until. gone_at: when the
    target answered 410 and the webhook was switched off for it.
    """

    id: str
    url: str
    events: tuple[str, ...] = ()
    active: bool = True
    description: str | None = None
    secret: str | None = field(default=None, repr=False)
    previous_secret: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None
    gone_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    def secrets(self, now: datetime) -> list[str]:
        """The secrets that sign now, the newest first; none when it can't be opened."""
        found = [self.secret] if self.secret is not None else []
        if found and self.previous_secret is not None and self.previous_until is not None and now < self.previous_until:
            found.append(self.previous_secret)
        return found


class WebhookStore:
    """Registrations at rest; RowKey is the id. A row that can't be read is left out and named once in the log."""

    def __init__(self, tables: Tables, seal: Seal) -> None:
        self._tables = tables
        self._seal = seal
        self._complaints = columns.Complaints(TABLE)

    async def list(self) -> list[Webhook]:
        """Every webhook that can be read, by id."""
        found = [self._read(row) for row in await self._tables.list(TABLE, PARTITION)]
        return [webhook for webhook in found if webhook is not None]

    async def wanted_events(self) -> frozenset[str]:
        """The types of events that an active webhook asks for."""
        return frozenset(event for webhook in await self.list() if webhook.active for event in webhook.events)

    async def read(self, webhook_id: str) -> Webhook | None:
        """One webhook; None when there is none, or none that can be read."""
        row = await self._tables.get(TABLE, PARTITION, webhook_id)
        return None if row is None else self._read(row)

    async def create(self, webhook: Webhook) -> None:
        """Add a webhook. Raises EncryptionNotConfigured."""
        row = Row(PARTITION, webhook.id)
        sealed = self._sealed(row, webhook, None)
        await self._tables.create(TABLE, replace(row, values=columns.values(COLUMNS, webhook, None, sealed)))
        await revision.touch(self._tables)

    async def update(self, webhook_id: str, change: Callable[[Webhook], Webhook]) -> Webhook:
        """Store what `change` makes of the webhook, and answer it.

        `change` may run several times; when it changes nothing, nothing is written, unless a secret is sealed under an
        older encryption key. Raises NotFound, Conflict, EncryptionNotConfigured, and whatever `change` raises.
        """
        after: Webhook

        def apply(row: Row | None) -> Row:
            nonlocal after
            before = None if row is None else self._read(row)
            if row is None or before is None:
                raise missing(webhook_id)
            after = change(before)
            sealed = self._sealed(row, after, before)
            if after == before and not sealed:
                return row
            kept = {**row.values, **sealed}
            for column, name in SEALED.items():
                if getattr(after, name) is None and getattr(before, name) is not None:
                    kept.pop(column)
            return replace(row, values=columns.values(COLUMNS, after, before, kept))

        await optimistic.update(self._tables, TABLE, PARTITION, webhook_id, apply)
        await revision.touch(self._tables)
        return after

    async def delete(self, webhook_id: str) -> bool:
        """Remove a webhook; whether there was one."""
        deleted = await self._tables.delete(TABLE, PARTITION, webhook_id)
        await revision.touch(self._tables)
        return deleted

    def _sealed(self, row: Row, after: Webhook, before: Webhook | None) -> dict[str, Value]:
        """The sealed columns of the secrets that are new, or sealed under an older encryption key."""
        sealed: dict[str, Value] = {}
        for column, name in SEALED.items():
            secret = getattr(after, name)
            changed = before is None or secret != getattr(before, name)
            if secret is not None and (changed or not self._seal.is_current(str(row.values.get(column)))):
                sealed[column] = self._seal.close(secret, _context(row))
        return sealed

    def _read(self, row: Row) -> Webhook | None:
        try:
            found = columns.fields(COLUMNS, row)
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; it is left out")
            return None
        opened = {name: self._open(row, column) for column, name in SEALED.items()}
        return Webhook(id=row.key, **opened | found)

    def _open(self, row: Row, column: str) -> str | None:
        sealed = row.values.get(column)
        if sealed is None:
            return None
        try:
            return self._seal.open(str(sealed), _context(row))
        except SealBroken as fault:
            self._complaints.about(row, f"its {column} can't be opened: {fault}; nothing can be signed with it")
            return None


def missing(webhook_id: str) -> NotFound:
    """The error of an id that no webhook has."""
    return NotFound(f"There is no webhook with the id {webhook_id!r}.")


def _context(row: Row) -> str:
    """What a sealed secret is bound to."""
    return f"{TABLE}/{row.partition}/{row.key}"
