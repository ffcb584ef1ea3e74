"""What each tenant made."""

from __future__ import annotations

import itertools

from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.things import TABLE, ThingStore


async def test_a_tenants_things_are_listed_newest_first_and_nobody_elses():
    times = itertools.count(1.0)
    store = ThingStore(MemoryTables(), lambda: next(times))
    for tenant, operation, thing in (
        ("a", "file", "file-1"),
        ("a", "file", "file-2"),
        ("b", "file", "file-3"),
        ("a", "batch", "batch_1"),
    ):
        await store.add(tenant, operation, thing)
    assert await store.list("a", "file") == ["file-2", "file-1"]
    await store.remove("a", "file", "file-2")
    await store.remove("a", "file", "unknown")
    assert await store.list("a", "file") == ["file-1"]
    assert await store.list("c", "file") == []


async def test_a_row_of_another_hand_is_listed_last():
    tables = MemoryTables()
    await tables.put(TABLE, Row("a:file", "file-odd", {"MadeAtMs": "yesterday"}))
    store = ThingStore(tables, lambda: 1.0)
    await store.add("a", "file", "file-1")
    assert await store.list("a", "file") == ["file-1", "file-odd"]
