"""The collections in memory: bounded, brought up to date piece by piece, read once."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import BodyTooLarge, ServiceUnavailable, StorageUnavailable
from gateway.storage.memory import MemoryTables
from gateway.storage.vectors import Collection, CollectionStore
from gateway.vectors.cache import Indexes
from gateway.vectors.index import memory_bytes
from tests.unit.vectors.shelves import TENANT, answered, collections, keeping


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


async def kept(tables: MemoryTables, name: str, *ids: str) -> Collection:
    here = collections(tables)
    await here.keep(TENANT, keeping(*ids, name=name), "m", answered(*[[1.0, 0.0]] * len(ids)))
    return await here.get(TENANT, name)


def needs(*heads: Collection) -> int:
    return sum(memory_bytes(each) for head in heads for each in head.segments)


async def test_the_least_recently_searched_collection_leaves_first(tables: MemoryTables) -> None:
    heads = [await kept(tables, name, "x") for name in ("a", "b", "c")]
    indexes = Indexes(CollectionStore(tables), needs(*heads[:2]))
    for number in (0, 1, 0, 2):
        await indexes.get(TENANT, heads[number])
    assert [indexes.held(TENANT, head) is not None for head in heads] == [True, False, True]


async def test_a_collection_that_is_searched_by_many_at_once_is_read_once(tables: MemoryTables) -> None:
    head = await kept(tables, "a", "x")
    indexes = Indexes(CollectionStore(tables))
    tables.calls.clear()
    found = await asyncio.gather(*(indexes.get(TENANT, head) for _ in range(5)))
    assert tables.calls == {"get": 2} and len(set(map(id, found))) == 1


async def test_only_new_segments_are_read(tables: MemoryTables) -> None:
    indexes = Indexes(CollectionStore(tables))
    first = await indexes.get(TENANT, await kept(tables, "a", "x"))
    head = await kept(tables, "a", "y")
    tables.calls.clear()
    second = await indexes.get(TENANT, head)
    assert tables.calls == {"get": 2} and (first.count, second.count) == (1, 2)


async def test_a_collection_over_the_bound_is_refused_with_both_numbers(tables: MemoryTables) -> None:
    head = await kept(tables, "a", "x")
    indexes = Indexes(CollectionStore(tables), needs(head) - 1)
    with pytest.raises(BodyTooLarge, match=f"takes {needs(head)} bytes .* the limit is {needs(head) - 1}") as refused:
        await indexes.get(TENANT, head)
    assert b"Collection too large" in refused.value.tenant_body()


async def test_while_others_are_being_read_the_room_is_theirs(tables: MemoryTables) -> None:
    one, other = await kept(tables, "a", "x"), await kept(tables, "b", "x")
    indexes = Indexes(CollectionStore(tables), needs(one))
    first = asyncio.create_task(indexes.get(TENANT, one))
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable) as refused:
        await indexes.get(TENANT, other)
    assert refused.value.retry_after is not None
    await first
    assert (await indexes.get(TENANT, other)).count == 1


async def test_a_reading_that_fails_gives_its_room_back(tables: MemoryTables) -> None:
    one, other = await kept(tables, "a", "x"), await kept(tables, "b", "x")
    indexes = Indexes(CollectionStore(tables), needs(one))
    tables.available = False
    with pytest.raises(StorageUnavailable):
        await indexes.get(TENANT, one)
    tables.available = True
    assert (await indexes.get(TENANT, other)).count == 1


async def test_what_is_held_outlives_a_reading_that_fails(tables: MemoryTables) -> None:
    first = await kept(tables, "a", "x")
    indexes = Indexes(CollectionStore(tables))
    index = await indexes.get(TENANT, first)
    second = await kept(tables, "a", "y")
    tables.available = False
    with pytest.raises(StorageUnavailable):
        await indexes.get(TENANT, second)
    assert indexes.held(TENANT, first) is index


async def test_a_forgotten_collection_is_not_held(tables: MemoryTables) -> None:
    head = await kept(tables, "a", "x")
    indexes = Indexes(CollectionStore(tables))
    await indexes.get(TENANT, head)
    indexes.forget(TENANT, "a")
    assert indexes.held(TENANT, head) is None
