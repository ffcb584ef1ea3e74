"""What rows with an id and a name keep, over any implementation of the port `Tables`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.errors import AlreadyExists, InvalidRequest
from gateway.storage.named import NamedRows
from gateway.storage.rows import Row, RowChanged, RowExists, Tables

KIND = "endpoint"


def named(name: str) -> Callable[[Row], Row]:
    """A change of the name."""
    return lambda row: replace(row, values={**row.values, "Name": name})


class NamedConformance:
    """Subclass it where fixtures `tables` (the implementation) and `table` (the name of a fresh table) are."""

    @pytest.fixture
    def rows(self, tables: Tables, table: str) -> NamedRows:
        return NamedRows(tables, table, KIND)

    async def keys(self, tables: Tables, table: str) -> list[str]:
        return [row.key for row in await tables.list(table)]

    async def test_a_transaction_creates_replaces_and_deletes(self, tables: Tables, table: str) -> None:
        old = await tables.create(table, Row("p", "old"))
        kept = await tables.create(table, Row("p", "kept", {"A": 1, "B": 2}))
        await tables.transact(
            table, create=[Row("p", "new", {"A": 1})], replace=[replace(kept, values={"A": 3})], delete=[old]
        )
        assert [(row.key, row.values) for row in await tables.list(table)] == [("kept", {"A": 3}), ("new", {"A": 1})]

    async def test_a_transaction_that_replaces_another_version_rolls_back(self, tables: Tables, table: str) -> None:
        kept = await tables.create(table, Row("p", "kept", {"A": 1}))
        await tables.put(table, Row("p", "kept", {"A": 2}))
        with pytest.raises(RowChanged):
            await tables.transact(table, create=[Row("p", "new")], replace=[replace(kept, values={"A": 3})])
        assert [(row.key, row.values) for row in await tables.list(table)] == [("kept", {"A": 2})]

    async def test_a_transaction_that_meets_a_row_replaces_nothing(self, tables: Tables, table: str) -> None:
        kept = await tables.create(table, Row("p", "kept", {"A": 1}))
        await tables.create(table, Row("p", "there"))
        with pytest.raises(RowExists):
            await tables.transact(table, create=[Row("p", "there")], replace=[replace(kept, values={"A": 3})])
        stored = await tables.get(table, "p", "kept")
        assert stored is not None and stored.values == {"A": 1}

    async def test_a_replace_in_a_transaction_on_a_missing_table_meets_a_changed_row(
        self, tables: Tables, table: str
    ) -> None:
        with pytest.raises(RowChanged):
            await tables.transact(table, replace=[Row("p", "k", {}, 'W/"1"')])

    async def test_a_transaction_does_not_replace_by_what_storage_does_not_take(
        self, tables: Tables, table: str
    ) -> None:
        kept = await tables.create(table, Row("p", "kept", {"A": 1}))
        with pytest.raises(InvalidRequest):
            await tables.transact(table, replace=[replace(kept, values={"A": "\ud800"})])

    async def test_a_row_is_found_by_its_id_and_by_its_name(self, rows: NamedRows, tables: Tables, table: str) -> None:
        assert await rows.list() == [] and await rows.get("1") is None and await rows.find("a") is None
        await rows.create("1", {"Name": "a", "Other": 5})
        found = await rows.get("1")
        assert found is not None and found.values == {"Name": "a", "Other": 5}
        assert await rows.find("a") == found and await rows.list() == [found] and rows.id_of(found) == "1"
        assert await self.keys(tables, table) == ["endpoint:1", "name:a"]

    async def test_a_name_that_is_taken_is_refused_and_nothing_is_stored(
        self, rows: NamedRows, tables: Tables, table: str
    ) -> None:
        await rows.create("1", {"Name": "a"})
        await rows.create("2", {"Name": "b"})
        before = await tables.list(table)
        with pytest.raises(AlreadyExists, match="The name 'a' is taken by another endpoint"):
            await rows.create("3", {"Name": "a"})
        with pytest.raises(AlreadyExists):
            await rows.update("2", named("a"))
        assert await tables.list(table) == before

    async def test_of_several_that_take_one_name_at_once_one_gets_it(
        self, rows: NamedRows, tables: Tables, table: str
    ) -> None:
        await rows.create("9", {"Name": "z"})
        results = await asyncio.gather(
            *(rows.create(str(number), {"Name": "a"}) for number in range(4)),
            rows.update("9", named("a")),
            return_exceptions=True,
        )
        assert [type(each) for each in results if isinstance(each, Exception)] == [AlreadyExists] * 4
        assert (await self.keys(tables, table)).count("name:a") == 1
        assert len([row for row in await rows.list() if row.values["Name"] == "a"]) == 1

    async def test_a_renamed_row_frees_its_name(self, rows: NamedRows, tables: Tables, table: str) -> None:
        await rows.create("1", {"Name": "a", "Other": 5})
        after = await rows.update("1", named("b"))
        assert after is not None and after.values == {"Name": "b", "Other": 5}
        assert await self.keys(tables, table) == ["endpoint:1", "name:b"]
        await rows.create("2", {"Name": "a"})
        assert await rows.find("a") == await rows.get("2")

    async def test_changes_of_different_columns_and_of_the_name_at_once_all_survive(self, rows: NamedRows) -> None:
        await rows.create("1", {"Name": "a"})

        def with_column(column: str) -> Callable[[Row], Row]:
            return lambda row: replace(row, values={**row.values, column: 1})

        await asyncio.gather(
            rows.update("1", with_column("X")),
            rows.update("1", named("b")),
            rows.update("1", with_column("Y")),
        )
        row = await rows.find("b")
        assert row is not None and row.values == {"Name": "b", "X": 1, "Y": 1}

    async def test_a_change_of_nothing_writes_nothing(self, rows: NamedRows) -> None:
        await rows.create("1", {"Name": "a"})
        before = await rows.get("1")
        assert await rows.update("1", lambda row: row) == before
        assert await rows.get("1") == before

    async def test_a_deleted_row_takes_its_name_along(self, rows: NamedRows, tables: Tables, table: str) -> None:
        await rows.create("1", {"Name": "a"})
        assert await rows.delete("1", lambda _: None) is True
        assert await tables.list(table) == []
        assert await rows.delete("1", lambda _: None) is False

    async def test_a_check_that_raises_keeps_the_row(self, rows: NamedRows, tables: Tables, table: str) -> None:
        def refuse(row: Row) -> None:
            raise KeyError(row.key)

        await rows.create("1", {"Name": "a"})
        with pytest.raises(KeyError):
            await rows.delete("1", refuse)
        assert await self.keys(tables, table) == ["endpoint:1", "name:a"]

    async def test_what_is_not_there_is_not_changed(self, rows: NamedRows) -> None:
        assert await rows.update("1", named("b")) is None
        assert await rows.update("no/key", named("b")) is None

    async def test_a_name_whose_owner_was_removed_by_hand_is_free(
        self, rows: NamedRows, tables: Tables, table: str
    ) -> None:
        for row_id, name in [("1", "a"), ("2", "b")]:
            await rows.create(row_id, {"Name": name})
        await tables.delete(table, KIND, "endpoint:1")
        assert await rows.find("a") is None
        await rows.update("2", named("a"))
        assert await rows.find("a") == await rows.get("2") is not None
        assert await self.keys(tables, table) == ["endpoint:2", "name:a"]

    async def test_a_row_whose_name_was_removed_by_hand_can_be_renamed_and_deleted(
        self, rows: NamedRows, tables: Tables, table: str
    ) -> None:
        for row_id in ("1", "2"):
            await rows.create(row_id, {"Name": f"n{row_id}"})
            await tables.delete(table, KIND, f"name:n{row_id}")
        await rows.update("1", named("b"))
        await rows.delete("2", lambda _: None)
        assert await self.keys(tables, table) == ["endpoint:1", "name:b"]

    async def test_a_name_that_another_has_is_not_freed(self, rows: NamedRows, tables: Tables, table: str) -> None:
        await rows.create("1", {"Name": "a"})
        await tables.put(table, Row(KIND, "endpoint:2", {"Name": "a"}))
        assert await rows.delete("2", lambda _: None) is True
        assert await self.keys(tables, table) == ["endpoint:1", "name:a"]

    async def test_rows_of_other_kinds_are_left_alone(self, rows: NamedRows, tables: Tables, table: str) -> None:
        await tables.put(table, Row("another", "endpoint:1", {"Name": "a"}))
        await tables.put(table, Row(KIND, "another:1", {"Name": "a"}))
        assert await rows.list() == []
