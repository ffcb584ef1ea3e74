"""The vector store: segments in rows, and the head that lists them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.errors import Conflict, StorageUnavailable
from gateway.storage import optimistic
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row, RowChanged
from gateway.storage.vectors import (
    MAX_BYTES,
    MOST_SEGMENTS,
    ROW_BYTES,
    TABLE,
    Collection,
    CollectionStore,
    Segment,
    SegmentGone,
)
from tests.builders import EPOCH

TENANT = "acme@1"
HEAD = Collection(name="docs", model="m", dimensions=2, asked_dimensions=2, created_at=EPOCH)


@pytest.fixture
def store(tables: MemoryTables) -> CollectionStore:
    return CollectionStore(tables)


async def listed(store: CollectionStore, *segments: Segment) -> Collection | None:
    return await store.change(TENANT, "docs", lambda head: replace(head or HEAD, segments=segments))


async def test_a_head_is_read_back_as_it_was_stored(store: CollectionStore) -> None:
    head = replace(HEAD, segments=(Segment("a", 3, 1, 10, 20), Segment("b", 2, 0, 5, 7)))
    assert await store.change(TENANT, "docs", lambda before: head) == head
    assert await store.read(TENANT, "docs") == head
    assert (head.most, head.size) == (5, 42)
    bare = replace(HEAD, name="bare", model=None, asked_dimensions=None)
    await store.change(TENANT, "bare", lambda before: bare)
    assert await store.list(TENANT) == [bare, head]
    assert await store.read(TENANT, "other") is None


@pytest.mark.parametrize("size", [0, 1, MAX_BYTES, MAX_BYTES + 1, ROW_BYTES, 2 * ROW_BYTES + 5])
async def test_a_segment_of_any_size_comes_back_as_it_was_written(
    store: CollectionStore, tables: MemoryTables, size: int
) -> None:
    data = bytes(number % 251 for number in range(size))
    segment = await store.write(TENANT, "docs", b"ids", data, count=7, deleted=1)
    assert (segment.count, segment.deleted, segment.ids_bytes, segment.data_bytes) == (7, 1, 3, size)
    assert b"".join(await store.part(TENANT, "docs", segment, "ids")) == b"ids"
    assert b"".join(await store.part(TENANT, "docs", segment, "data")) == data
    for row in await tables.list(TABLE):
        assert all(isinstance(each, bytes) and len(each) <= MAX_BYTES for each in row.values.values())
        assert len(row.values) * MAX_BYTES <= ROW_BYTES


async def test_one_row_does_not_wait_behind_all_rows_of_another(store: CollectionStore) -> None:
    large = await store.write(TENANT, "docs", b"ids", b"x" * (40 * ROW_BYTES))
    small = await store.write(TENANT, "docs", b"ids")
    reading = asyncio.create_task(store.part(TENANT, "docs", large, "data"))
    await asyncio.sleep(0)
    await store.part(TENANT, "docs", small, "ids")
    assert not reading.done()
    await reading


async def test_what_a_segment_lost_is_never_read_as_if_it_were_whole(
    store: CollectionStore, tables: MemoryTables
) -> None:
    segment = await store.write(TENANT, "docs", b"ids", b"x" * (ROW_BYTES + 1))
    key = segment.keys("data")[0]
    row = await tables.get(TABLE, f"{TENANT}:docs", key)
    assert row is not None
    await tables.put(TABLE, replace(row, values={"Bytes00": b"x", "Other": 1}))
    with pytest.raises(SegmentGone):
        await store.part(TENANT, "docs", segment, "data")
    await tables.delete(TABLE, f"{TENANT}:docs", key)
    with pytest.raises(SegmentGone):
        await store.part(TENANT, "docs", segment, "data")


async def test_a_change_to_nothing_else_writes_nothing(store: CollectionStore, tables: MemoryTables) -> None:
    assert await store.change(TENANT, "docs", lambda before: None) is None
    await listed(store)
    tables.calls.clear()
    assert await store.change(TENANT, "docs", lambda before: before) == HEAD
    assert await store.change(TENANT, "docs", lambda before: None) is None
    assert tables.calls == {"get": 2}


async def test_concurrent_writers_of_a_head_lose_nothing(store: CollectionStore) -> None:
    def adding(number: int):
        def add(before: Collection | None) -> Collection:
            head = before or HEAD
            return replace(head, segments=(*head.segments, Segment(str(number), 1, 0, 1, 1)))

        return add

    await asyncio.gather(*(store.change(TENANT, "docs", adding(number)) for number in range(5)))
    head = await store.read(TENANT, "docs")
    assert head is not None and {each.name for each in head.segments} == {"0", "1", "2", "3", "4"}


async def test_more_segments_than_a_head_has_room_for_are_refused(store: CollectionStore) -> None:
    segment = Segment("0123456789abcdef", 2048, 2048, 10**6, 10**9)
    await listed(store, *[segment] * MOST_SEGMENTS)
    with pytest.raises(StorageUnavailable) as refused:
        await listed(store, *[segment] * (MOST_SEGMENTS + 1))
    assert refused.value.retry_after is not None


async def test_a_deleted_collection_leaves_no_row(store: CollectionStore, tables: MemoryTables) -> None:
    segment = await store.write(TENANT, "docs", b"ids", b"x" * (ROW_BYTES + 1))
    head = await listed(store, segment)
    assert await store.delete(TENANT, "docs") == head
    assert await tables.list(TABLE) == []
    assert await store.delete(TENANT, "docs") is None


async def test_a_delete_that_others_are_always_faster_than_gives_up(
    store: CollectionStore, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch, pauses: list[int]
) -> None:
    await listed(store)

    async def transact(*_: object, **__: object) -> None:
        raise RowChanged

    monkeypatch.setattr(tables, "transact", transact)
    with pytest.raises(Conflict):
        await store.delete(TENANT, "docs")
    assert len(pauses) == optimistic.TRIES


async def test_a_row_that_is_gone_already_keeps_no_other_from_going(
    store: CollectionStore, tables: MemoryTables
) -> None:
    segment = await store.write(TENANT, "docs", b"ids", b"x" * (ROW_BYTES + 1))
    await tables.delete(TABLE, f"{TENANT}:docs", segment.keys("data")[0])
    await store.discard(TENANT, "docs", [segment])
    assert await tables.list(TABLE) == []


async def test_a_write_that_fails_removes_what_it_wrote(store: CollectionStore, tables: MemoryTables) -> None:
    put = tables.put

    async def failing(table: str, row: Row) -> Row:
        if row.key.endswith(":data:0001"):
            raise StorageUnavailable("gone")
        return await put(table, row)

    tables.put = failing  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailable, match="gone"):
        await store.write(TENANT, "docs", b"ids", b"x" * (3 * ROW_BYTES))
    assert await tables.list(TABLE) == []


async def test_rows_that_can_not_be_discarded_hurt_nobody(store: CollectionStore, tables: MemoryTables) -> None:
    segment = await store.write(TENANT, "docs", b"ids")
    tables.available = False
    await store.discard(TENANT, "docs", [segment])


@pytest.mark.parametrize("segments", ["no JSON", "[1]", '[["a",1]]', '[["a",1,2,3,"x"]]', "{}x"])
async def test_a_head_that_can_not_be_read_counts_as_missing_and_is_named_once(
    store: CollectionStore, tables: MemoryTables, caplog: pytest.LogCaptureFixture, segments: str
) -> None:
    await listed(store)
    row = await tables.get(TABLE, TENANT, "docs")
    assert row is not None
    await tables.put(TABLE, replace(row, values={**row.values, "Segments": segments}))
    assert await store.read(TENANT, "docs") is None
    assert await store.list(TENANT) == []
    assert caplog.text.count("column Segments does not hold what it should") == 1
    assert await store.delete(TENANT, "docs") is None


async def test_two_tenants_and_two_names_share_no_row(store: CollectionStore, tables: MemoryTables) -> None:
    for tenant, name in [("a@1", "docs"), ("a@2", "docs"), ("a@1", "docs2")]:
        await store.write(tenant, name, b"ids")
    assert len({row.partition for row in await tables.list(TABLE)}) == 3
