"""The memory twin keeps the port's promises, and can be switched off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from gateway.errors import StorageUnavailable
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from tests.storage_conformance import TablesConformance

CALLS: list[Callable[[MemoryTables], Awaitable[object]]] = [
    lambda tables: tables.get("t", "p", "k"),
    lambda tables: tables.list("t"),
    lambda tables: tables.create("t", Row("p", "k")),
    lambda tables: tables.replace("t", Row("p", "k")),
    lambda tables: tables.put("t", Row("p", "k")),
    lambda tables: tables.delete("t", "p", "k"),
    lambda tables: tables.transact("t", create=[Row("p", "k")]),
]


class TestMemoryTables(TablesConformance):
    """The shared suite."""


@pytest.mark.parametrize("call", CALLS)
async def test_every_call_fails_and_changes_nothing_while_switched_off(
    tables: MemoryTables, call: Callable[[MemoryTables], Awaitable[object]]
) -> None:
    stored = await tables.create("t", Row("p", "k", {"A": 1}))
    tables.available = False
    with pytest.raises(StorageUnavailable):
        await call(tables)
    tables.available = True
    assert await tables.list("t") == [stored]


async def test_calls_are_counted_by_method(tables: MemoryTables) -> None:
    await tables.get("t", "p", "k")
    await tables.get("t", "p", "k")
    await tables.put("t", Row("p", "k"))
    assert tables.calls == {"get": 2, "put": 1}
    assert tables.calls.total() == 3


async def test_a_stored_row_does_not_change_with_the_dictionary_it_was_made_from(tables: MemoryTables) -> None:
    values = {"A": 1}
    await tables.create("t", Row("p", "k", values))
    values["A"] = 2
    row = await tables.get("t", "p", "k")
    assert row is not None
    assert row.values == {"A": 1}


async def test_close_needs_nothing(tables: MemoryTables) -> None:
    await tables.close()
