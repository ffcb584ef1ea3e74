"""Collections: what is kept is found, by its tenant alone, on every instance."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import InvalidRequest, NotFound, ServiceUnavailable, StorageUnavailable, UpstreamError
from gateway.storage import vectors as stored
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.vectors import TABLE
from gateway.vectors import collections as rules
from gateway.vectors import compaction
from gateway.vectors.collections import Collections, check_name
from gateway.vectors.index import Question
from tests.unit.vectors.shelves import TENANT, answered, collections, find, keep, keeping


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def here(tables: MemoryTables) -> Collections:
    return collections(tables)


async def test_what_is_kept_is_found_at_once(here: Collections) -> None:
    await keep(here, {"x": [1, 0], "y": [0, 1]}, lang="de")
    [match] = await here.search(TENANT, "docs", Question([2, 0], 1))
    assert (match.id, match.score, match.metadata) == ("x", 1.0, b'{"lang": "de"}')
    head = await here.get(TENANT, "docs")
    assert (head.model, head.dimensions, await here.count(TENANT, head)) == ("m", 2, 2)
    assert [each.name for each in await here.list(TENANT)] == ["docs"]


async def test_a_later_vector_takes_the_place_of_an_earlier_one_of_its_id(here: Collections) -> None:
    await keep(here, {"x": [1, 0], "y": [0, 1]}, version=1)
    assert await find(here, [1, 0]) == ["x", "y"]
    await keep(here, {"x": [-1, 0]}, version=2)
    assert await find(here, [1, 0]) == ["y", "x"]
    assert await find(here, [1, 0], wanted={"version": 2}) == ["x"]
    assert await here.count(TENANT, await here.get(TENANT, "docs")) == 2


async def test_two_tenants_with_the_same_name_of_a_collection_never_see_each_other(here: Collections) -> None:
    await keep(here, {"mine": [1, 0]}, tenant="a@1")
    await keep(here, {"yours": [1, 0, 0]}, tenant="b@1")
    assert await find(here, [1, 0], tenant="a@1") == ["mine"]
    assert await find(here, [1, 0, 0], tenant="b@1") == ["yours"]
    await here.delete("a@1", "docs")
    assert await find(here, [1, 0, 0], tenant="b@1") == ["yours"]


async def test_a_tenant_that_gets_a_deleted_ones_id_finds_nothing(here: Collections) -> None:
    await keep(here, {"x": [1, 0]}, tenant="acme@1")
    assert await here.list("acme@2") == []
    for ask in (here.get("acme@2", "docs"), find(here, [1, 0], tenant="acme@2"), here.delete("acme@2", "docs")):
        with pytest.raises(NotFound):
            await ask


async def test_another_instance_sees_a_write_at_its_next_search(here: Collections, tables: MemoryTables) -> None:
    there = collections(tables)
    await keep(here, {"x": [1, 0]})
    assert await find(there, [1, 0]) == ["x"]
    await keep(here, {"y": [1, 1]})
    tables.calls.clear()
    assert await find(there, [1, 0]) == ["x", "y"]
    # The head, and the two rows of what is new.
    assert tables.calls == {"get": 3}
    assert await find(there, [1, 0]) == ["x", "y"]
    assert tables.calls == {"get": 4}
    await here.remove(TENANT, "docs", ["x"])
    assert await find(there, [1, 0]) == ["y"]
    await here.delete(TENANT, "docs")
    with pytest.raises(NotFound):
        await find(there, [1, 0])
    await keep(here, {"z": [1, 0, 0]})
    assert await find(there, [1, 0, 0]) == ["z"]


async def test_concurrent_writers_on_two_instances_lose_nothing(here: Collections, tables: MemoryTables) -> None:
    there = collections(tables)
    writes = [keep(each, {f"{each is here}{number}": [1, number]}) for each in (here, there) for number in range(20)]
    await asyncio.gather(*writes)
    await asyncio.gather(here.close(), there.close())
    expected = {f"{side}{number}" for side in (True, False) for number in range(20)}
    for each in (here, there, collections(tables)):
        assert set(await find(each, [1, 0], 100)) == expected
        assert await each.count(TENANT, await each.get(TENANT, "docs")) == 40


async def test_searches_and_writes_at_the_same_time_each_see_a_whole(here: Collections) -> None:
    await keep(here, {"0": [1, 0]})

    async def search() -> None:
        for _ in range(10):
            found = await find(here, [1, 0], 100)
            assert sorted(found, key=int) == [str(number) for number in range(len(found))]

    async def write() -> None:
        for number in range(1, 30):
            await keep(here, {str(number): [1, number]})

    await asyncio.gather(write(), search(), search())
    await here.close()
    assert len(await find(here, [1, 0], 100)) == 30


async def test_deleted_vectors_are_gone_until_they_are_kept_again(here: Collections, tables: MemoryTables) -> None:
    await keep(here, {"x": [1, 0], "y": [0, 1]})
    assert await here.remove(TENANT, "docs", ["x", "nobody"]) == 1
    tables.calls.clear()
    assert await here.remove(TENANT, "docs", ["x"]) == 0
    assert not tables.calls["put"] and not tables.calls["replace"]
    assert await find(here, [1, 0]) == ["y"]
    await keep(here, {"x": [1, 0]})
    assert await find(here, [1, 0]) == ["x", "y"]
    with pytest.raises(NotFound):
        await here.remove(TENANT, "other", ["x"])


async def test_vectors_of_another_model_or_length_are_refused_and_leave_nothing(
    here: Collections, tables: MemoryTables
) -> None:
    await keep(here, {"x": [1, 0]})
    before = await tables.list(TABLE)
    for model, vector, param in [("n", [1, 0], "model"), (None, [1, 0], "model"), ("m", [1, 0, 0], "dimensions")]:
        with pytest.raises(InvalidRequest) as refused:
            await here.keep(TENANT, keeping("y"), model, answered(vector))
        assert refused.value.param == param
    assert await tables.list(TABLE) == before


async def test_of_two_first_writers_that_differ_the_second_is_refused(here: Collections, tables: MemoryTables) -> None:
    there = collections(tables)
    done = await asyncio.gather(
        here.keep(TENANT, keeping("x"), "m", answered([1, 0])),
        there.keep(TENANT, keeping("y"), "m", answered([1, 0, 0])),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in done) == ["InvalidRequest", "NoneType"]
    assert len(await tables.list(TABLE)) == 3


async def test_a_question_that_can_not_be_compared_is_refused(here: Collections) -> None:
    await keep(here, {"x": [1, 0]})
    for vector, rule in [([1.0], "of 2 dimensions"), ([0.0, 0.0], "has no direction")]:
        with pytest.raises(InvalidRequest, match=rule) as refused:
            await find(here, vector)
        assert refused.value.param == "vector"


async def test_storage_that_is_down_says_that_the_embeddings_were_made(here: Collections, tables: MemoryTables) -> None:
    tables.available = False
    with pytest.raises(StorageUnavailable, match="were made but could not be kept; send the call again"):
        await keep(here, {"x": [1, 0]})
    tables.available = True
    await keep(here, {"x": [1, 0]})
    assert await find(here, [1, 0]) == ["x"]


async def test_a_write_whose_answer_was_lost_keeps_everything_once(here: Collections, tables: MemoryTables) -> None:
    create = tables.create
    lost: list[Row] = []

    async def done_but_lost(table: str, row: Row) -> Row:
        written = await create(table, row)
        if not lost:
            lost.append(written)
            raise stored.RowChanged
        return written

    tables.create = done_but_lost  # type: ignore[method-assign]
    await keep(here, {"x": [1, 0]})
    assert lost and len((await here.get(TENANT, "docs")).segments) == 1


async def test_an_answer_that_holds_no_vectors_keeps_nothing(here: Collections, tables: MemoryTables) -> None:
    with pytest.raises(UpstreamError):
        await here.keep(TENANT, keeping("x", "y"), "m", answered([1, 0]))
    assert await tables.list(TABLE) == []


async def test_a_full_collection_takes_only_what_replaces(here: Collections, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rules, compaction):
        monkeypatch.setattr(module, "MOST_VECTORS", 3)
    await keep(here, {"a": [1, 0], "b": [1, 1], "c": [0, 1]})
    with pytest.raises(InvalidRequest, match="takes 3 vectors") as refused:
        await keep(here, {"a": [1, 0], "d": [1, 0]})
    assert refused.value.param == "collection"
    await keep(here, {"a": [0, 1]})
    await here.close()
    assert (await here.get(TENANT, "docs")).most == 3
    await here.remove(TENANT, "docs", ["b"])
    await keep(here, {"d": [1, 0]})
    assert set(await find(here, [1, 0])) == {"a", "c", "d"}
    await here.close()


async def test_a_collection_takes_no_more_than_fits_in_memory(
    here: Collections, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (rules, compaction):
        monkeypatch.setattr(module, "MOST_COLLECTION_BYTES", 1000)
    await keep(here, {"a": [1, 0], "b": [1, 1], "c": [0, 1]})
    with pytest.raises(InvalidRequest, match="1,000 bytes"):
        await keep(here, {"d": [1, 0], "e": [1, 0]})
    await here.close()


@pytest.fixture
def torn(tables: MemoryTables, here: Collections) -> Any:
    """Takes a row of the collection's data away, as if it were put in order between two reads."""

    async def tear() -> None:
        await keep(here, {"x": [1, 0]})
        for row in await tables.list(TABLE, f"{TENANT}:docs"):
            await tables.put(TABLE, replace(row, values={}))

    return tear


async def test_a_collection_that_stays_torn_is_unavailable_and_never_wrong(
    here: Collections, torn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await torn()
    for ask in (find(here, [1, 0]), here.remove(TENANT, "docs", ["x"])):
        with pytest.raises(ServiceUnavailable, match="put in order"):
            await ask
    assert await here.count(TENANT, await here.get(TENANT, "docs")) == 1
    monkeypatch.setattr(rules, "MOST_VECTORS", 1)
    with pytest.raises(StorageUnavailable, match="put in order"):
        await keep(here, {"y": [1, 0]})


def test_a_collections_name_follows_the_rules_of_names() -> None:
    check_name("docs_2.v-1")
    for name in ("", "a/b", "..", "a:b", "x" * 65, "é"):
        with pytest.raises(InvalidRequest) as refused:
            check_name(name)
        assert refused.value.param == "collection"
