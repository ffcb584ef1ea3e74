"""The rows of quotas: one for each account, conditional, events beside them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from gateway.limits.ledger import MOST_HOLDERS, Entry, Lease
from gateway.storage.memory import MemoryTables
from gateway.storage.outbox import Outbox, new_event
from gateway.storage.quotas import TABLE, QuotaStore, Stored, shard
from gateway.storage.rows import MAX_TEXT_CHARACTERS, Row, RowChanged, RowExists, check_storable

ENTRIES = {
    "tokens_day": Entry("2026-03-01", 5, {"i1": Lease(10, 1772323210000, 3)}, warned=True),
    "cost_month": Entry("2026-03", 10**15, {}, exceeded=True),
}


@pytest.fixture
def tables():
    return MemoryTables()


@pytest.fixture
def store(tables):
    return QuotaStore(tables)


async def test_what_is_written_is_read_again(store):
    assert await store.read("a@1", "tenant") == Stored()
    written = await store.write("a@1", "tenant", Stored(), ENTRIES)
    assert await store.read("a@1", "tenant") == written
    assert written.entries == ENTRIES
    assert await store.read("a@1", "model:m") == await store.read("b@1", "tenant") == Stored()


async def test_a_write_over_another_version_is_refused(store):
    first = await store.write("a@1", "tenant", Stored(), ENTRIES)
    with pytest.raises(RowExists):
        await store.write("a@1", "tenant", Stored(), {})
    second = await store.write("a@1", "tenant", first, {})
    with pytest.raises(RowChanged):
        await store.write("a@1", "tenant", first, ENTRIES)
    assert await store.read("a@1", "tenant") == second


async def test_events_are_stored_with_the_row_or_not_at_all(tables, store):
    event = new_event("quota.warning", datetime(2026, 3, 1, tzinfo=UTC), {"used": 5})
    assert await store.write("a@1", "tenant", Stored(), ENTRIES, [event]) is None
    before = await store.read("a@1", "tenant")
    assert before.entries == ENTRIES
    another = new_event("quota.exceeded", datetime(2026, 3, 1, tzinfo=UTC), {})
    assert await store.write("a@1", "tenant", before, {}, [another]) is None
    with pytest.raises(RowChanged):
        await store.write("a@1", "tenant", before, {}, [new_event("quota.exceeded", datetime(2026, 3, 1), {})])
    found = [each for _, each in await Outbox(tables).read(TABLE, shard("a@1"))]
    assert sorted(found, key=lambda each: each.id) == sorted([event, another], key=lambda each: each.id)


async def test_columns_of_another_hand_are_kept(tables, store):
    await tables.put(TABLE, Row(shard("a@1"), "a@1:tenant", {"Note": "mine"}))
    await store.write("a@1", "tenant", await store.read("a@1", "tenant"), ENTRIES)
    row = await tables.get(TABLE, shard("a@1"), "a@1:tenant")
    assert row.values["Note"] == "mine"


async def test_a_row_that_can_not_be_read_is_named_in_the_log_and_begins_anew(tables, store, caplog):
    caplog.set_level(logging.WARNING)
    for garbage in (
        7,
        "no json",
        "[]",
        '{"tokens_day": 5}',
        '{"tokens_day": {"window": "w", "spent": 1, "told": ""}}',
        '{"tokens_day": {"window": "w", "spent": 1.5, "told": "", "leases": {}}}',
        '{"tokens_day": {"window": 1, "spent": 1, "told": "", "leases": {}}}',
        '{"tokens_day": {"window": "w", "spent": 1, "told": "", "leases": {"a": [1, 2]}}}',
    ):
        caplog.clear()
        await tables.put(TABLE, Row(shard("a@1"), "a@1:tenant", {"Limits": garbage}))
        for _ in range(2):
            stored = await store.read("a@1", "tenant")
        assert stored.entries == {}
        assert [each.levelname for each in caplog.records] == ["WARNING"], garbage
        assert (await store.write("a@1", "tenant", stored, ENTRIES)).entries == ENTRIES


async def test_the_fullest_row_can_be_stored(tables, store):
    most = 10**18
    leases = {f"{number:016x}": Lease(most, 1772323210000, most) for number in range(MOST_HOLDERS)}
    names = [f"{metric}_{period}" for metric in ("requests", "tokens", "cost") for period in ("minute", "day", "month")]
    entry = Entry("2026-03-01T12:00", most, leases, warned=True, exceeded=True)
    await store.write("a@1", "tenant", Stored(), dict.fromkeys(names, entry))
    row = await tables.get(TABLE, shard("a@1"), "a@1:tenant")
    check_storable(row)
    assert len(row.values["Limits"]) < MAX_TEXT_CHARACTERS


def test_tenants_are_spread_over_sixteen_shards():
    assert {shard(f"tenant{number}@1") for number in range(500)} == set("0123456789abcdef")
