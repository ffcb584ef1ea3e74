"""Rows that have an id and a name that no other of their kind has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from gateway.errors import AlreadyExists
from gateway.storage import optimistic
from gateway.storage.rows import Row, RowChanged, RowExists, Tables, Value

T = TypeVar("T")

# The column of the row itself that its name stands in, and the column of the name's row that says who has it.
NAME = "Name"
HOLDER = "Id"
NAME_PREFIX = "name:"


class NamedRows:
    """The rows `<kind>:<id>` of a table, and beside each a row `name:<name>` that says which id has the name.

    Both stand in one partition, the kind's, so that making, renaming and removing are one transaction each and two
    writers can't take one name. A name whose owner was removed by hand is free.
    """

    def __init__(self, tables: Tables, table: str, kind: str) -> None:
        self._tables = tables
        self._table = table
        self._kind = kind

    async def list(self) -> list[Row]:
        """Every row, without those of the names."""
        rows = await self._tables.list(self._table)
        return [row for row in rows if row.partition == self._kind and row.key.startswith(f"{self._kind}:")]

    async def get(self, row_id: str) -> Row | None:
        """The row of an id; None when there is none."""
        return await self._tables.get(self._table, self._kind, f"{self._kind}:{row_id}")

    async def find(self, name: str) -> Row | None:
        """The row that has a name; None when none has it."""
        holder = await self._tables.get(self._table, self._kind, NAME_PREFIX + name)
        return None if holder is None else await self._owner(holder, name)

    def id_of(self, row: Row) -> str:
        """The id of a row of this kind."""
        return row.key.removeprefix(f"{self._kind}:")

    async def create(self, row_id: str, values: Mapping[str, Value]) -> None:
        """Add a row. Raises AlreadyExists when its name is taken, Conflict when other writers were always first."""
        row = Row(self._kind, f"{self._kind}:{row_id}", values)

        async def add() -> None:
            made, taken = await self._claim(str(values[NAME]), row_id)
            await self._tables.transact(self._table, create=[row, *made], replace=taken)

        await self._settled(row.key, add)

    async def update(
        self, row_id: str, change: Callable[[Row], Row], beside: Callable[[], Sequence[Row]] = tuple
    ) -> Row | None:
        """Store what `change` makes of the row, its name too; None when there is no such row.

        `change` may run several times, each time on what is stored by then. When it answers the very row it was given,
        nothing is written. `beside`: the rows to create in the same transaction, as optimistic.update has them. Raises
        AlreadyExists, Conflict, and whatever `change` raises.
        """

        async def write() -> Row | None:
            before = await self.get(row_id)
            if before is None:
                return None
            after = change(before)
            if after is before:
                return after
            others = beside()
            if after.values[NAME] != before.values.get(NAME):
                made, taken = await self._claim(str(after.values[NAME]), row_id)
                freed = await self._names(before)
            elif others:
                made, taken, freed = (), (), ()
            else:
                return await self._tables.replace(self._table, after)
            create, changed = [*made, *others], [after, *taken]
            await self._tables.transact(self._table, create=create, replace=changed, delete=freed)
            return replace(after, etag=None)

        return await self._settled(f"{self._kind}:{row_id}", write)

    async def delete(self, row_id: str, check: Callable[[Row], None]) -> bool:
        """Remove a row and its name, unless `check` raises; whether there was one. Raises Conflict too."""

        async def remove() -> bool:
            row = await self.get(row_id)
            if row is None:
                return False
            check(row)
            await self._tables.transact(self._table, delete=[row, *await self._names(row)])
            return True

        return await self._settled(f"{self._kind}:{row_id}", remove)

    async def _settled(self, key: str, steps: Callable[[], Awaitable[T]]) -> T:
        """Take the steps; start over when another writer was first."""
        for attempt in range(optimistic.TRIES):
            try:
                return await steps()
            except (RowExists, RowChanged):
                await optimistic.pause(attempt)
        raise optimistic.too_many_writers(self._table, key)

    async def _claim(self, name: str, row_id: str) -> tuple[Sequence[Row], Sequence[Row]]:
        """The rows to create and to replace so that the id has the name. Raises AlreadyExists."""
        holder = await self._tables.get(self._table, self._kind, NAME_PREFIX + name)
        if holder is None:
            return [Row(self._kind, NAME_PREFIX + name, {HOLDER: row_id})], []
        if await self._owner(holder, name) is not None:
            raise AlreadyExists(f"The name {name!r} is taken by another {self._kind}.")
        return [], [replace(holder, values={HOLDER: row_id})]

    async def _owner(self, holder: Row, name: str) -> Row | None:
        row = await self.get(str(holder.values.get(HOLDER)))
        return row if row is not None and row.values.get(NAME) == name else None

    async def _names(self, row: Row) -> Sequence[Row]:
        """The row of a row's name, if it says so."""
        holder = await self._tables.get(self._table, self._kind, NAME_PREFIX + str(row.values.get(NAME)))
        return [holder] if holder is not None and holder.values.get(HOLDER) == self.id_of(row) else []
