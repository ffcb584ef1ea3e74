"""Putting a collection in order: nothing is lost, nothing comes back, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import StorageUnavailable
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row, RowChanged
from gateway.storage.vectors import TABLE, CollectionStore
from gateway.vectors import compaction
from gateway.vectors.collections import Collections
from gateway.vectors.compaction import MOST_SMALL, compact, due
from gateway.vectors.index import Question
from tests.unit.vectors.shelves import TENANT, collections, find, keep

WRITE = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), min_size=1, max_size=3)
REMOVAL = st.sets(st.sampled_from("abcdef"), min_size=1, max_size=3)
ANY = Question([0, 1], 100)


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def here(tables: MemoryTables) -> Collections:
    return collections(tables)


async def test_many_small_segments_become_one_behind_the_calls(here: Collections, tables: MemoryTables) -> None:
    for number in range(MOST_SMALL + 1):
        await keep(here, {str(number % 5): [1, number]}, n=number)
    await here.close()
    head = await here.get(TENANT, "docs")
    assert len(head.segments) == 1 and head.most == 5
    assert await find(here, [0, 1], 1) == ["1"]
    assert await find(here, [0, 1], wanted={"n": 16}) == ["1"]
    # The head, the ids and the vectors: nothing else is left.
    assert len(await tables.list(TABLE)) == 3


@given(st.lists(WRITE | REMOVAL, max_size=12), st.integers(0, 12), st.integers(0, 3), st.booleans())
def test_a_collection_in_order_holds_what_it_held(
    steps: list[dict[str, int] | set[str]], before: int, small: int, waste: bool
) -> None:
    async def run() -> None:
        tables = MemoryTables()
        here = collections(tables)
        store = CollectionStore(tables)
        expected: dict[str, int] = {}
        await keep(here, {"z": [1, 0]})
        for number, step in enumerate(steps):
            if number == before:
                await compact(store, TENANT, await here.get(TENANT, "docs"))
            if isinstance(step, dict):
                await keep(here, {id: [1, value] for id, value in step.items()})
                expected |= step
            else:
                await here.remove(TENANT, "docs", sorted(step))
                expected = {id: value for id, value in expected.items() if id not in step}
        await compact(store, TENANT, await here.get(TENANT, "docs"))
        for each in (here, collections(tables)):
            found = await each.search(TENANT, "docs", ANY)
            assert {each.id: each.vector[1] for each in found} == {"z": 0, **expected}

    with pytest.MonkeyPatch.context() as patch:
        # So that some segments are merged and others not.
        patch.setattr(compaction, "SMALL_BYTES", small * 8)
        patch.setattr(compaction, "MOST_VECTORS", 0 if waste else 100)
        patch.setattr("gateway.vectors.collections.MOST_VECTORS", 1000)
        patch.setattr(compaction, "due", lambda head: False)
        asyncio.run(run())


async def test_what_is_written_meanwhile_stays_over_what_is_merged(here: Collections, tables: MemoryTables) -> None:
    await keep(here, {"x": [1, 0], "y": [1, 1]})
    await keep(here, {"x": [1, 2]})
    old = await here.get(TENANT, "docs")
    await keep(here, {"x": [1, 3]})
    await compact(CollectionStore(tables), TENANT, old)
    head = await here.get(TENANT, "docs")
    assert len(head.segments) == 2
    [best, _] = await here.search(TENANT, "docs", ANY)
    assert (best.id, best.vector.tolist()) == ("x", [1, 3])


async def test_of_two_that_put_it_in_order_one_wins_and_nothing_is_left_over(
    here: Collections, tables: MemoryTables
) -> None:
    for number in range(4):
        await keep(here, {str(number): [1, number]})
    head = await here.get(TENANT, "docs")
    one, other = CollectionStore(tables), CollectionStore(tables)
    await asyncio.gather(compact(one, TENANT, head), compact(other, TENANT, head), return_exceptions=True)
    assert set(await find(collections(tables), [1, 0])) == {"0", "1", "2", "3"}
    assert len(await tables.list(TABLE)) == 3


async def test_a_collection_that_was_deleted_meanwhile_does_not_come_back(
    here: Collections, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await keep(here, {str(number): [1, number]})
    head = await here.get(TENANT, "docs")
    store = CollectionStore(tables)
    write = store.write

    async def late(*args: object, **more: object):
        made = await write(*args, **more)
        await here.delete(TENANT, "docs")
        return made

    monkeypatch.setattr(store, "write", late)
    await compact(store, TENANT, head)
    assert await tables.list(TABLE) == []


async def test_when_everything_was_deleted_no_segment_is_left(here: Collections, tables: MemoryTables) -> None:
    await keep(here, {"x": [1, 0]})
    await here.remove(TENANT, "docs", ["x"])
    await compact(CollectionStore(tables), TENANT, await here.get(TENANT, "docs"))
    assert (await here.get(TENANT, "docs")).segments == ()
    assert await find(here, [1, 0]) == []
    assert len(await tables.list(TABLE)) == 1


async def test_a_collection_that_is_in_order_is_let_be(here: Collections, tables: MemoryTables) -> None:
    await keep(here, {"x": [1, 0]})
    tables.calls.clear()
    await compact(CollectionStore(tables), TENANT, await here.get(TENANT, "docs"))
    assert tables.calls["put"] == tables.calls["replace"] == 0


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_storage_that_fails_at_the_swap_loses_nothing(
    here: Collections, tables: MemoryTables, moment: str
) -> None:
    for number in range(4):
        await keep(here, {str(number): [1, number]})
    replace = tables.replace

    async def failing(table: str, row: Row) -> Row:
        if moment == "after":
            await replace(table, row)
        raise StorageUnavailable("no answer")

    tables.replace = failing  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailable):
        await compact(CollectionStore(tables), TENANT, await here.get(TENANT, "docs"))
    tables.replace = replace  # type: ignore[method-assign]
    assert set(await find(collections(tables), [1, 0])) == {"0", "1", "2", "3"}


async def test_a_swap_whose_answer_was_lost_keeps_what_it_made(here: Collections, tables: MemoryTables) -> None:
    for number in range(4):
        await keep(here, {str(number): [1, number]})
    replace = tables.replace
    lost: list[Row] = []

    async def done_but_lost(table: str, row: Row) -> Row:
        written = await replace(table, row)
        if not lost:
            lost.append(written)
            raise RowChanged
        return written

    tables.replace = done_but_lost  # type: ignore[method-assign]
    await compact(CollectionStore(tables), TENANT, await here.get(TENANT, "docs"))
    assert lost and set(await find(collections(tables), [1, 0])) == {"0", "1", "2", "3"}
    assert len(await tables.list(TABLE)) == 3


async def test_what_fails_behind_the_calls_is_told_and_tried_at_the_next_write(
    here: Collections, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.vectors")

    async def failing(*_: object) -> None:
        raise StorageUnavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(compaction, "compact", failing)
        for number in range(MOST_SMALL + 1):
            await keep(here, {str(number): [1, number]})
        await here.close()
    assert "not put in order: StorageUnavailable" in caplog.text
    assert due(await here.get(TENANT, "docs"))
    await keep(here, {"x": [1, 0]})
    await here.close()
    assert not due(await here.get(TENANT, "docs"))
