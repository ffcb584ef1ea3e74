"""Sums in memory: no reads for who is alone, and nothing counted wrongly by who is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Conflict, StorageUnavailable
from gateway.metering.pages import UsagePage
from gateway.storage import sums
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.usage import TABLE, UsageStore
from tests.unit.usage.ledger import TENANT, charged, page

PARTITION = f"{TENANT}|2026-11"
# Two instances whose names lead to one shard.
ONE, OTHER = "one", "b"


@pytest.fixture
def one(tables: MemoryTables) -> UsageStore:
    return UsageStore(tables)


@pytest.fixture
async def other(tables: MemoryTables) -> UsageStore:
    """Another instance that serves the same tenant, and has written already; its calls are forgotten."""
    made = UsageStore(tables)
    await made.write(of_other(0))
    tables.calls.clear()
    return made


def of_one(sequence: int, keys: int = 1) -> UsagePage:
    return page(*(charged(each, key_id=f"key-{each}") for each in range(keys)), instance=ONE, sequence=sequence)


def of_other(sequence: int, keys: int = 1) -> UsagePage:
    return page(*(charged(each, key_id=f"key-{each}") for each in range(keys)), instance=OTHER, sequence=sequence)


async def requests(tables: MemoryTables, period: str = "month") -> int:
    rows = await tables.list(TABLE, PARTITION, first=f"sum|{period}|", last=f"sum|{period}|~")
    assert len({row.key.split("|")[3] for row in rows}) == 1, "they meet in one shard"
    return sum(int(str(row.values["Requests"])) for row in rows)


async def test_instances_of_one_shard_that_take_turns_read_before_they_write(
    one: UsageStore, other: UsageStore, tables: MemoryTables, pauses: list[int]
) -> None:
    await one.write(of_one(0))
    # Each finds once that it is not alone: a transaction in vain, a look for its page, and the sums again.
    await other.write(of_other(1))
    await one.write(of_one(1))
    assert pauses == [0, 0]
    assert tables.calls == {"put": 1, "list": 6, "get": 2, "transact": 5}
    tables.calls.clear()
    for number in range(2, 12):
        await other.write(of_other(number))
        await one.write(of_one(number))
    assert tables.calls == {"list": 2 * 20, "transact": 20}
    assert await requests(tables) == await requests(tables, "day") == 24


async def test_who_is_alone_again_reads_no_more(one: UsageStore, other: UsageStore, tables: MemoryTables) -> None:
    await one.write(of_one(0))
    await other.write(of_other(1))
    await one.write(of_one(1))
    tables.calls.clear()
    for number in range(2, 7):
        await one.write(of_one(number))
    assert tables.calls == {"list": 2, "transact": 5}
    assert await requests(tables) == 9


async def test_only_the_sums_that_a_page_adds_to_are_read_again(
    one: UsageStore, other: UsageStore, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.write(of_one(0, keys=5))
    await other.write(of_other(1, keys=5))
    monkeypatch.setattr(sums, "MOST_IN_PASSING", 4)
    tables.calls.clear()
    await one.write(of_one(1, keys=2))
    # The page and its sums of the day and the month, one by one: there are too many others between them.
    assert tables.calls == {"get": 1 + 2 + 2, "transact": 2}
    assert await requests(tables) == 1 + 5 + 5 + 2


async def test_a_sum_that_was_removed_begins_anew(one: UsageStore, tables: MemoryTables) -> None:
    await one.write(of_one(0))
    for row in await tables.list(TABLE, PARTITION):
        await tables.delete(TABLE, row.partition, row.key)
    await one.write(of_one(1))
    assert await requests(tables) == await requests(tables, "day") == 1


async def test_a_page_whose_answer_was_lost_costs_no_second_loss(
    one: UsageStore, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tables.transact

    async def lost(*args: object, **rows: object) -> list[Row]:
        await real(*args, **rows)  # type: ignore[arg-type]
        raise StorageUnavailable("The answer was lost.")

    await one.write(of_one(0))
    with monkeypatch.context() as patch:
        patch.setattr(tables, "transact", lost)
        with pytest.raises(StorageUnavailable):
            await one.write(of_one(1))
    await one.write(of_one(1))
    tables.calls.clear()
    # It may have been others who wrote, so the sums are read, and found to be this instance's own the time after.
    for number in range(2, 6):
        await one.write(of_one(number))
    assert tables.calls["transact"] == 4
    assert await requests(tables) == 6


async def test_what_is_kept_is_bounded_and_what_was_not_asked_for_longest_goes_first(
    one: UsageStore, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "MOST_ROWS", 4)
    tenants = [f"tenant-{each}@1" for each in range(3)]
    for number, tenant in enumerate((*tenants, tenants[2], tenants[1])):
        await one.write(page(charged(number, tenant=tenant), sequence=number))
    tables.calls.clear()
    await one.write(page(charged(8, tenant=tenants[2]), sequence=8))
    assert tables.calls == {"transact": 1}
    await one.write(page(charged(9, tenant=tenants[0]), sequence=9))
    assert tables.calls == {"list": 2, "transact": 2}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.booleans(), st.booleans()), min_size=1, max_size=25),
    st.integers(0, 6),
)
async def test_whoever_meets_in_a_shard_and_whatever_is_lost_each_call_is_counted_once(
    writes: list[tuple[int, int, bool, bool]], most_rows: int
) -> None:
    class Unreliable(MemoryTables):
        losing = False

        async def transact(self, table: str, **rows: object) -> Sequence[Row]:
            written = await super().transact(table, **rows)  # type: ignore[arg-type]
            if self.losing:
                self.losing = False
                raise StorageUnavailable("The answer was lost.")
            return written

    async def write(store: UsageStore, made: UsagePage) -> None:
        while True:
            try:
                return await store.write(made)
            except (StorageUnavailable, Conflict):
                continue

    tables = Unreliable()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "MOST_ROWS", 4 * most_rows)
        stores = [UsageStore(tables) for _ in range(3)]
        together: list[UsagePage] = []
        for number, (which, keys, tables.losing, waits) in enumerate(writes):
            together.append(page(*(charged(each, key_id=f"key-{each}") for each in range(keys)), sequence=number))
            if not waits:
                await asyncio.gather(*(write(stores[(which + at) % 3], each) for at, each in enumerate(together)))
                together.clear()
        await asyncio.gather(*(write(stores[at % 3], each) for at, each in enumerate(together)))
    expected = sum(keys for _, keys, _, _ in writes)
    assert await requests(tables) == await requests(tables, "day") == expected
