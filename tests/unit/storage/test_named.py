"""Rows with an id and a name, over the memory twin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import Conflict
from gateway.storage.memory import MemoryTables
from gateway.storage.named import NamedRows
from gateway.storage.optimistic import TRIES
from gateway.storage.rows import Row, RowChanged
from tests.named_conformance import KIND, NamedConformance, named


class TestNamedRows(NamedConformance):
    """The suite that Azure Tables pass too."""


async def test_a_writer_that_loses_every_time_hears_conflict(
    tables: MemoryTables, pauses: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def one_more_writer(*_: object, **__: object) -> None:
        raise RowChanged

    rows = NamedRows(tables, "things", KIND)
    await rows.create("1", {"Name": "a"})
    monkeypatch.setattr(tables, "transact", one_more_writer)
    for attempt in (rows.create("2", {"Name": "b"}), rows.update("1", named("b")), rows.delete("1", lambda _: None)):
        with pytest.raises(Conflict):
            await attempt
    assert pauses == list(range(TRIES)) * 3


async def test_rows_beside_a_change_are_written_with_it_whether_it_renames_or_not(tables: MemoryTables) -> None:
    rows = NamedRows(tables, "things", KIND)
    await rows.create("1", {"Name": "a"})
    for number, change in enumerate((lambda row: replace(row, values={**row.values, "B": 1}), named("b"))):
        stored = await rows.update("1", change, lambda number=number: [Row(KIND, f"event{number}")])  # type: ignore[misc]
        assert stored is not None and stored.etag is None
    assert [row.key for row in await tables.list("things")] == [f"{KIND}:1", "event0", "event1", "name:b"]
    assert tables.calls["replace"] == 0
