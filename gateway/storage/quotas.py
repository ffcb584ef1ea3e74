"""Where limits stand: one row for each account, with what is spent of each limit and who has leased what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.limits.ledger import Entry, Lease
from gateway.storage import columns, outbox
from gateway.storage.columns import Unreadable
from gateway.storage.outbox import Event
from gateway.storage.rows import Row, Tables, Value

TABLE = "quotas"


@dataclass(frozen=True, slots=True)
class Stored:
    """An account's entries by the names of their limits, as one version of its row. row: None while there is none."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    row: Row | None = None


class QuotaStore:
    """PartitionKey: the tenant's shard. RowKey: the tenant's identity and the account's scope."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._complaints = columns.Complaints(TABLE)

    async def read(self, tenant: str, scope: str) -> Stored:
        """What is stored of an account. A row that can't be read counts as none of its limits, once the log has it."""
        row = await self._tables.get(TABLE, shard(tenant), _key(tenant, scope))
        if row is None:
            return Stored()
        try:
            return Stored(**columns.fields(COLUMNS, row), row=row)
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; its limits begin anew")
            return Stored(row=row)

    async def write(
        self, tenant: str, scope: str, before: Stored, entries: Mapping[str, Entry], events: Sequence[Event] = ()
    ) -> Stored | None:
        """Store the entries over the version `before`, and the events with them.

        Answers what is stored then; None if its version is not known. Raises RowExists or RowChanged when another
        writer was first.
        """
        stored = Stored(entries, before.row)
        kept = before.row.values if before.row else {}
        values = columns.values(COLUMNS, stored, None, kept)
        if before.row is None:
            row = Row(shard(tenant), _key(tenant, scope), values)
        else:
            row = replace(before.row, values=values)
        if events:
            rows = [outbox.row(row.partition, event) for event in events]
            if before.row is None:
                await self._tables.transact(TABLE, create=[row, *rows])
            else:
                await self._tables.transact(TABLE, create=rows, replace=[row])
            return None
        write = self._tables.create if before.row is None else self._tables.replace
        return Stored(entries, await write(TABLE, row))


def shard(tenant: str) -> str:
    """One of 16, for the events that lie beside the rows are looked for in each."""
    return hashlib.sha256(tenant.encode()).hexdigest()[0]


def _key(tenant: str, scope: str) -> str:
    return f"{tenant}:{scope}"


def _read(value: Value) -> dict[str, Entry]:
    if type(value) is not str:
        raise ValueError
    try:
        return {name: _entry(each) for name, each in json.loads(value).items()}
    except (AttributeError, KeyError, TypeError):
        raise ValueError from None


def _entry(stored: dict[str, Any]) -> Entry:
    leases = {holder: Lease(*map(_whole, each)) for holder, each in stored["leases"].items()}
    told = stored["told"]
    return Entry(_text(stored["window"]), _whole(stored["spent"]), leases, "w" in told, "e" in told)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError
    return value


def _write(entries: Mapping[str, Entry]) -> str:
    return json.dumps({name: _stored(entry) for name, entry in entries.items()}, separators=(",", ":"))


def _stored(entry: Entry) -> dict[str, Any]:
    return {
        "window": entry.window,
        "spent": entry.spent,
        "told": "w" * entry.warned + "e" * entry.exceeded,
        "leases": {holder: [each.amount, each.until, each.in_flight] for holder, each in entry.leases.items()},
    }


COLUMNS = (columns.Column("Limits", "entries", _read, _write),)
