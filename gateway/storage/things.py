"""What each tenant made and may list: files and batches, one row for each."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.storage.rows import Row, Tables

TABLE = "things"
MADE = "MadeAtMs"


class ThingStore:
    """PartitionKey: the tenant's identity and the operation. RowKey: the issued id. `MadeAtMs`: since the epoch."""

    def __init__(self, tables: Tables, clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._clock = clock

    async def add(self, tenant: str, operation: str, issued_id: str) -> None:
        """A tenant made a thing."""
        row = Row(_partition(tenant, operation), issued_id, {MADE: int(self._clock() * 1000)})
        await self._tables.put(TABLE, row)

    async def list(self, tenant: str, operation: str) -> list[str]:
        """The ids of a tenant's things, newest first."""
        rows = await self._tables.list(TABLE, _partition(tenant, operation))
        return [row.key for row in sorted(rows, key=_made, reverse=True)]

    async def remove(self, tenant: str, operation: str, issued_id: str) -> None:
        """A thing is gone."""
        await self._tables.delete(TABLE, _partition(tenant, operation), issued_id)


def _partition(tenant: str, operation: str) -> str:
    return f"{tenant}:{operation}"


def _made(row: Row) -> int:
    made = row.values.get(MADE)
    return made if isinstance(made, int) else 0
