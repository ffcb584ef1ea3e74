"""The vector store: table `vectors`, collections of vectors as segments that are written once and never changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

from gateway.errors import StorageUnavailable
from gateway.storage import columns, optimistic
from gateway.storage.columns import Column, Unreadable
from gateway.storage.rows import MAX_BYTES, Row, RowChanged, Tables, Value

T = TypeVar("T")

TABLE = "vectors"

# Azure takes 1 MiB in a row. A row stays far below, and few are on their way at the same time,
# because the SDK decodes each in one go, in the event loop: this much takes about 2 ms.
ROW_BYTES = 4 * MAX_BYTES
AT_A_TIME = 3
# What the head's column of segments has room for, several times over.
MOST_SEGMENTS = 512
RETRY_SECONDS = 2.0
# What Azure Tables takes at once.
ROWS_IN_A_TRANSACTION = 100

Part = Literal["ids", "data"]
PARTS: tuple[Part, ...] = ("ids", "data")


class _LetBe(Exception):
    """The change of a head turned out to be none."""


class SegmentGone(Exception):
    """A segment's rows are not there as they were written: the collection was put in order, or deleted, meanwhile."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one write added to a collection.

    count: vectors. deleted: ids that it takes out of the segments before it. ids_bytes, data_bytes: the lengths of its
    two parts: the ids, and the vectors with their metadata.
    """

    name: str
    count: int
    deleted: int
    ids_bytes: int
    data_bytes: int

    def keys(self, part: Part) -> list[str]:
        """The keys of a part's rows."""
        size = self.ids_bytes if part == "ids" else self.data_bytes
        return [f"{self.name}:{part}:{number:04}" for number in range(-(-size // ROW_BYTES))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """The head of a collection. Its segments are all that it holds, the later ones over the earlier.

    model: what the vectors were asked of; None: the call named none. dimensions: of each vector. asked_dimensions: what
    the calls asked for, if they did.
    """

    name: str
    model: str | None = None
    dimensions: int
    asked_dimensions: int | None = None
    created_at: datetime
    segments: tuple[Segment, ...] = ()

    @property
    def most(self) -> int:
        """At most so many vectors: those that were replaced or deleted count until the collection is put in order."""
        return sum(each.count for each in self.segments)

    @property
    def size(self) -> int:
        """Bytes at rest."""
        return sum(each.ids_bytes + each.data_bytes for each in self.segments)


def _read_segments(value: Value) -> tuple[Segment, ...]:
    try:
        return tuple(Segment(str(name), *map(int, rest)) for name, *rest in json.loads(str(value)))
    except TypeError:
        raise ValueError from None


def _write_segments(segments: Sequence[Segment]) -> str:
    listed = [(each.name, each.count, each.deleted, each.ids_bytes, each.data_bytes) for each in segments]
    return json.dumps(listed, separators=(",", ":"))


COLUMNS = (
    columns.text("Model", "model"),
    replace(columns.whole("Dimensions", "dimensions"), required=True),
    columns.whole("AskedDimensions", "asked_dimensions"),
    columns.moment("CreatedAt", "created_at", required=True),
    Column("Segments", "segments", _read_segments, _write_segments, required=True),
)


class CollectionStore:
    """Collections at rest. A head: PartitionKey the tenant's identity, RowKey the collection's name. A segment's rows:
    PartitionKey `<tenant's identity>:<name>`, RowKey `<segment>:<part>:<number>`.

    A segment counts from the moment the head lists it, which is the last step of every write. So a reader needs one
    point read to know whether anything changed, and a writer that dies midway leaves rows that nobody reads.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._complaints = columns.Complaints(TABLE)
        self._gate = asyncio.Semaphore(AT_A_TIME)

    async def read(self, tenant: str, name: str) -> Collection | None:
        """A collection's head; None when there is none, or none that can be read."""
        return self._decoded(await self._tables.get(TABLE, tenant, name))

    async def change(
        self, tenant: str, name: str, change: Callable[[Collection | None], Collection | None]
    ) -> Collection | None:
        """Store what `change` makes of the head (None: there is none; answered: let it be), and answer it.

        `change` may run several times. Raises Conflict, and whatever `change` raises.
        """
        result: Collection | None = None

        def apply(row: Row | None) -> Row:
            nonlocal result
            before = self._decoded(row)
            result = change(before)
            if result is None or result == before:
                raise _LetBe
            row = row or Row(tenant, name)
            if len(result.segments) > MOST_SEGMENTS:
                raise StorageUnavailable(
                    "The collection was written to faster than it can be put in order. Try again later.",
                    retry_after=RETRY_SECONDS,
                )
            return replace(row, values=columns.values(COLUMNS, result, before, row.values))

        with contextlib.suppress(_LetBe):
            await optimistic.update(self._tables, TABLE, tenant, name, apply)
        return result

    async def write(
        self, tenant: str, name: str, ids: bytes, data: bytes = b"", *, count: int = 0, deleted: int = 0
    ) -> Segment:
        """Write a segment's rows. It counts once the head lists it."""
        segment = Segment(uuid.uuid4().hex[:16], count, deleted, len(ids), len(data))
        place = _partition(tenant, name)
        parts: tuple[tuple[Part, bytes], ...] = (("ids", ids), ("data", data))
        try:
            await self._all(
                partial(self._put, Row(place, key), content, number * ROW_BYTES)
                for part, content in parts
                for number, key in enumerate(segment.keys(part))
            )
        except StorageUnavailable:
            await self.discard(tenant, name, [segment])
            raise
        return segment

    async def part(self, tenant: str, name: str, segment: Segment, part: Part) -> list[bytes]:
        """A part of a segment, in pieces. Raises SegmentGone."""
        place = _partition(tenant, name)
        rows = await self._all(partial(self._tables.get, TABLE, place, key) for key in segment.keys(part))
        pieces: list[bytes] = []
        for row in rows:
            if row is None:
                raise SegmentGone(segment.name)
            pieces += [value for _, value in sorted(row.values.items()) if isinstance(value, bytes)]
        if sum(map(len, pieces)) != (segment.ids_bytes if part == "ids" else segment.data_bytes):
            raise SegmentGone(segment.name)
        return pieces

    async def discard(self, tenant: str, name: str, segments: Iterable[Segment]) -> None:
        """Remove the rows of segments that no head lists; storage that is down keeps them, and nobody reads them."""
        place = _partition(tenant, name)
        rows = [Row(place, key) for segment in segments for part in PARTS for key in segment.keys(part)]
        cuts = range(0, len(rows), ROWS_IN_A_TRANSACTION)
        with contextlib.suppress(StorageUnavailable):
            await self._all(partial(self._remove, rows[cut : cut + ROWS_IN_A_TRANSACTION]) for cut in cuts)

    async def delete(self, tenant: str, name: str) -> Collection | None:
        """Remove a collection, its head first; what it was, None when there was none. Raises Conflict."""
        for attempt in range(optimistic.TRIES):
            row = await self._tables.get(TABLE, tenant, name)
            if row is None:
                return None
            try:
                await self._tables.transact(TABLE, delete=[row])
            except RowChanged:
                await optimistic.pause(attempt)
                continue
            head = self._decoded(row)
            if head is not None:
                await self.discard(tenant, name, head.segments)
            return head
        raise optimistic.too_many_writers(tenant, name)

    async def _remove(self, rows: Sequence[Row]) -> None:
        try:
            await self._tables.transact(TABLE, delete=rows)
        except RowChanged:
            # One of them at least is gone already.
            for row in rows:
                await self._tables.delete(TABLE, row.partition, row.key)

    async def _put(self, row: Row, content: bytes, start: int) -> None:
        await self._tables.put(TABLE, replace(row, values=_columns(content, start)))

    async def _all(self, calls: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
        """Await them all, a few at a time; the first failure ends the rest."""

        turn = asyncio.Semaphore(AT_A_TIME)

        async def one(call: Callable[[], Awaitable[T]]) -> T:
            # The second gate is everybody's: a reader of thousands of rows has no more than its few waiting there, so
            # that the one row of another call does not wait behind all of them.
            async with turn, self._gate:
                return await call()

        tasks = [asyncio.ensure_future(one(call)) for call in calls]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _decoded(self, row: Row | None) -> Collection | None:
        if row is None:
            return None
        try:
            return Collection(name=row.key, **columns.fields(COLUMNS, row))
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; the collection counts as missing")
            return None

    async def list(self, tenant: str) -> list[Collection]:
        """A tenant's collections that can be read, by name."""
        heads = [self._decoded(row) for row in await self._tables.list(TABLE, tenant)]
        return [head for head in heads if head is not None]


def _partition(tenant: str, name: str) -> str:
    return f"{tenant}:{name}"


def _columns(content: bytes, start: int) -> dict[str, Value]:
    """The columns of the row that begins at this byte of a part."""
    end = min(len(content), start + ROW_BYTES)
    cuts = range(start, end, MAX_BYTES)
    return {f"Bytes{number:02}": content[cut : min(end, cut + MAX_BYTES)] for number, cut in enumerate(cuts)}
