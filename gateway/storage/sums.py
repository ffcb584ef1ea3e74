"""Sums in memory: the roll-up rows that this instance adds to, as it read or wrote them last."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gateway.storage.rows import Row, Tables

# After every character that our keys have.
LAST = "~"
# All that is kept: 15 MB at most, a row takes about 3 KB.
MOST_ROWS = 5_000
# So many rows are one request to read, few enough to read those that nobody asked for with those that somebody did.
MOST_IN_PASSING = 100


class Shard:
    """The sums of one shard in one day or month: all rows whose keys begin with `prefix`.

    What is kept is a guess, for other instances may write the same shard. So each row is to be written on condition
    that it is as it was (or is not there, if it was not), and `doubt` called when one was not.
    """

    def __init__(self, tables: Tables, table: str, partition: str, prefix: str) -> None:
        self.partition = partition
        self.prefix = prefix
        self._tables = tables
        self._table = table
        self._rows: dict[str, Row] = {}
        self._is_read = False
        self._is_shared = False

    def __len__(self) -> int:
        return len(self._rows)

    async def look(self, keys: Sequence[str]) -> list[Row]:
        """The rows with these keys, those without an etag for what is not there. Raises StorageUnavailable.

        Read the first time, all of the shard; then only while others are seen to write it too. Whoever finds what it
        left is alone again, as far as it knows, and reads no more.
        """
        missing = Row(self.partition, "")
        if not self._is_read:
            self.keep(await self._tables.list(self._table, self.partition, first=self.prefix, last=self.prefix + LAST))
            self._is_read = True
        elif self._is_shared:
            found = await self._read(keys)
            before = [self._rows.pop(key, missing).etag for key in keys]
            self.keep(found)
            self._is_shared = before != [self._rows.get(key, missing).etag for key in keys]
        return [self._rows.get(key) or replace(missing, key=key) for key in keys]

    def keep(self, rows: Iterable[Row]) -> None:
        """These are the newest versions of some of its rows."""
        self._rows.update((row.key, row) for row in rows)

    def doubt(self) -> None:
        """Have the next look read."""
        self._is_shared = True

    async def _read(self, keys: Sequence[str]) -> list[Row]:
        """The rows with these keys, and others between them if there are not too many."""
        if len(self) <= MOST_IN_PASSING:
            return await self._tables.list(self._table, self.partition, first=min(keys), last=max(keys))
        found = await asyncio.gather(*(self._tables.get(self._table, self.partition, key) for key in keys))
        return [row for row in found if row is not None]


class Shards:
    """One shard for each tenant's day and one for its month: the last that was asked for."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._tables = tables
        self._table = table
        self._kept: dict[tuple[str, str], Shard] = {}

    def of(self, tenant: str, period: str, partition: str, prefix: str) -> Shard:
        """The shard with this prefix. Another one of the tenant and period, as that of yesterday, is forgotten."""
        shard = self._kept.pop((tenant, period), None)
        if shard is None or (shard.partition, shard.prefix) != (partition, prefix):
            shard = Shard(self._tables, self._table, partition, prefix)
        self._kept[tenant, period] = shard
        return shard

    def forget(self) -> None:
        """Let go of what was not asked for longest, until the rest is no more than MOST_ROWS."""
        rows = sum(map(len, self._kept.values()))
        while rows > MOST_ROWS:
            oldest = next(iter(self._kept))
            rows -= len(self._kept.pop(oldest))
