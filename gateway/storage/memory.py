"""The memory twin of Azure Tables, for unit tests: same rules, no sockets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from gateway.errors import StorageUnavailable
from gateway.storage.rows import Row, RowChanged, RowExists, check_storable, is_key


class MemoryTables:
    """Tables in a dictionary.

    `available`: while it is False every call raises StorageUnavailable. `calls`: how often each method was called.
    Every call yields to the loop once before it acts, as a call over the network would, so that concurrent writers
    do interleave.
    """

    def __init__(self) -> None:
        self.available = True
        self.calls: Counter[str] = Counter()
        self._tables: dict[str, dict[tuple[str, str], Row]] = {}
        self._version = 0

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """A point read."""
        await self._called("get")
        return self._rows(table).get((partition, key))

    async def list(
        self, table: str, partition: str | None = None, *, first: str | None = None, last: str | None = None
    ) -> list[Row]:
        """All rows, those of one partition, or a range of its keys, in key order."""
        await self._called("list")
        rows = self._rows(table)
        if not all(is_key(each) for each in (first, last) if each is not None):
            return []
        return [
            rows[each]
            for each in sorted(rows)
            if (partition is None or each[0] == partition)
            and (first is None or first <= each[1])
            and (last is None or each[1] <= last)
        ]

    async def create(self, table: str, row: Row) -> Row:
        """Add a row."""
        await self._called("create")
        check_storable(row)
        if (row.partition, row.key) in self._rows(table):
            raise RowExists
        return self._write(table, row)

    async def replace(self, table: str, row: Row) -> Row:
        """Write over the version that `row.etag` names."""
        await self._called("replace")
        check_storable(row)
        self._check_version(table, row)
        return self._write(table, row)

    async def put(self, table: str, row: Row) -> Row:
        """Write whatever was there."""
        await self._called("put")
        check_storable(row)
        return self._write(table, row)

    async def delete(self, table: str, partition: str, key: str) -> bool:
        """Remove a row."""
        await self._called("delete")
        return self._rows(table).pop((partition, key), None) is not None

    async def transact(
        self, table: str, *, create: Sequence[Row] = (), replace: Sequence[Row] = (), delete: Sequence[Row] = ()
    ) -> Sequence[Row]:
        """All or nothing: every row is checked before the first is written."""
        await self._called("transact")
        for row in create:
            check_storable(row)
            if (row.partition, row.key) in self._rows(table):
                raise RowExists
        for row in replace:
            check_storable(row)
        for row in (*replace, *delete):
            self._check_version(table, row)
        for row in delete:
            del self._rows(table)[row.partition, row.key]
        return [self._write(table, row) for row in (*create, *replace)]

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _called(self, method: str) -> None:
        self.calls[method] += 1
        await asyncio.sleep(0)
        if not self.available:
            raise StorageUnavailable("Storage is switched off.")

    def _rows(self, table: str) -> dict[tuple[str, str], Row]:
        return self._tables.setdefault(table, {})

    def _check_version(self, table: str, row: Row) -> None:
        stored = self._rows(table).get((row.partition, row.key))
        if stored is None or row.etag not in (None, stored.etag):
            raise RowChanged

    def _write(self, table: str, row: Row) -> Row:
        self._version += 1
        written = replace(row, values=dict(row.values), etag=f'W/"{self._version}"')
        self._rows(table)[row.partition, row.key] = written
        return written
