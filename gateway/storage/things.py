"""What each tenant made and may list: files and batches, one row for each."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.storage.rows import Row, Tables

TABLE = "things"
# Later than any clock of ours will show; keys that count down to it sort the newest first.
_END_OF_TIME_MS = 10**13


class ThingStore:
    """PartitionKey: tenant and operation. RowKey: the time, counting down, and the issued id."""

    def __init__(self, tables: Tables, clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._clock = clock

    async def add(self, tenant_id: str, operation: str, issued_id: str) -> None:
        """A tenant made a thing."""
        countdown = _END_OF_TIME_MS - int(self._clock() * 1000)
        await self._tables.put(TABLE, Row(f"{tenant_id}:{operation}", f"{countdown:013d}:{issued_id}"))

    async def list(self, tenant_id: str, operation: str) -> list[str]:
        """The ids of a tenant's things, newest first."""
        rows = await self._tables.list(TABLE, f"{tenant_id}:{operation}")
        return [row.key.partition(":")[2] for row in rows]

    async def remove(self, tenant_id: str, operation: str, issued_id: str) -> None:
        """A thing is gone."""
        partition = f"{tenant_id}:{operation}"
        for row in await self._tables.list(TABLE, partition):
            if row.key.partition(":")[2] == issued_id:
                await self._tables.delete(TABLE, partition, row.key)
