"""Changing a row: nobody's write is lost, and a lost race starts over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Conflict
from gateway.storage import optimistic
from gateway.storage.memory import MemoryTables
from gateway.storage.optimistic import TRIES, update
from gateway.storage.rows import Row

real_pause = optimistic.pause


def setting(**values: int) -> Callable[[Row | None], Row]:
    """A change that sets some values and keeps the others."""

    def change(row: Row | None) -> Row:
        row = row or Row("p", "k")
        return replace(row, values={**row.values, **values})

    return change


async def test_a_row_that_is_not_there_is_made(tables: MemoryTables) -> None:
    stored = await update(tables, "t", "p", "k", setting(A=1))
    assert stored == await tables.get("t", "p", "k")
    assert stored.values == {"A": 1}


async def test_a_row_that_is_there_is_changed(tables: MemoryTables) -> None:
    await tables.create("t", Row("p", "k", {"A": 1, "B": 1}))
    stored = await update(tables, "t", "p", "k", setting(A=2))
    assert stored == await tables.get("t", "p", "k")
    assert stored.values == {"A": 2, "B": 1}


async def test_a_change_that_answers_the_same_row_writes_nothing(tables: MemoryTables) -> None:
    created = await tables.create("t", Row("p", "k", {"A": 1}))

    def same(row: Row | None) -> Row:
        assert row is not None
        return row

    assert await update(tables, "t", "p", "k", same) == created
    assert tables.calls == {"create": 1, "get": 1}


async def test_what_the_change_raises_is_raised_and_nothing_is_written(tables: MemoryTables) -> None:
    def refuse(row: Row | None) -> Row:
        raise LookupError

    with pytest.raises(LookupError):
        await update(tables, "t", "p", "k", refuse)
    assert tables.calls == {"get": 1}


async def test_a_row_made_meanwhile_is_changed_and_not_written_over(tables: MemoryTables, pauses: list[int]) -> None:
    await asyncio.gather(*(update(tables, "t", "p", "k", setting(**{name: 1})) for name in "ABC"))
    row = await tables.get("t", "p", "k")
    assert row is not None
    assert row.values == {"A": 1, "B": 1, "C": 1}
    assert pauses


async def test_a_writer_that_always_loses_gets_a_conflict(tables: MemoryTables, pauses: list[int]) -> None:
    class Contested(MemoryTables):
        async def replace(self, table: str, row: Row) -> Row:
            await self.put(table, row)
            return await super().replace(table, row)

    contested = Contested()
    await contested.create("t", Row("p", "k"))
    with pytest.raises(Conflict, match="p/k is being changed by other writers"):
        await update(contested, "t", "p", "k", setting(A=1))
    assert pauses == list(range(TRIES))


async def test_rows_beside_a_change_are_written_with_it_or_not_at_all(tables: MemoryTables, pauses: list[int]) -> None:
    runs: list[Row | None] = []

    def change(row: Row | None) -> Row:
        runs.append(row)
        return setting(**{f"A{len(runs)}": 1})(row)

    def beside() -> list[Row]:
        return [Row("p", f"event{len(runs)}")]

    for _ in range(2):
        stored = await update(tables, "t", "p", "k", change, beside)
        assert stored.etag is None
    assert [row.key for row in await tables.list("t")] == ["event1", "event2", "k"]
    assert tables.calls["transact"] == 2
    await asyncio.gather(*(update(tables, "t", "p", "k", change, beside) for _ in range(3)))
    rows = await tables.list("t")
    # Runs that lost wrote neither their value nor their event.
    assert len(rows) == 6 and len(rows[-1].values) == 5 and len(runs) > 5 and pauses
    assert {f"A{row.key.removeprefix('event')}" for row in rows[:-1]} == set(rows[-1].values)


async def test_a_change_of_nothing_asks_for_no_rows_beside_it(tables: MemoryTables) -> None:
    def unasked() -> list[Row]:
        raise AssertionError

    await tables.create("t", Row("p", "k"))
    await update(tables, "t", "p", "k", lambda row: row or Row("p", "k"), unasked)
    assert tables.calls["transact"] == 0


async def test_a_pause_is_short_and_grows_with_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("gateway.storage.optimistic.asyncio.sleep", sleep)
    for attempt in range(TRIES):
        await real_pause(attempt)
    assert all(0 <= seconds <= 0.01 * (attempt + 1) for attempt, seconds in enumerate(slept))
    assert len(set(slept)) == TRIES


def run_interleaved(one: Coroutine[Any, Any, Any], other: Coroutine[Any, Any, Any], order: list[bool]) -> None:
    """Step two coroutines by hand in the given order, then whichever is left; every step is one call of storage."""
    waiting = {False: one, True: other}
    for choice in [*order, *([False, True] * 200)]:
        if choice in waiting:
            try:
                waiting[choice].send(None)
            except StopIteration:
                del waiting[choice]
    assert not waiting


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.booleans(), max_size=30), there=st.booleans())
def test_two_writers_of_different_values_both_survive_in_every_order(order: list[bool], there: bool) -> None:
    tables = MemoryTables()
    if there:
        run_interleaved(tables.create("t", Row("p", "k", {"C": 1})), tables.close(), [])
    run_interleaved(update(tables, "t", "p", "k", setting(A=1)), update(tables, "t", "p", "k", setting(B=1)), order)
    with pytest.raises(StopIteration) as ended:
        reader = tables.get("t", "p", "k")
        for _ in range(5):
            reader.send(None)
    assert ended.value.value.values == {"A": 1, "B": 1, **({"C": 1} if there else {})}
