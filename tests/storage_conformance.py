"""What every implementation of the port `Tables` does: one suite for Azure Tables and for its memory twin."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.errors import InvalidRequest
from gateway.storage.rows import Row, RowChanged, RowExists, Tables, Value

INJECTIONS = [
    "' or 1 eq 1",
    "x' or PartitionKey ne 'x",
    "' or ''='",
    "@partition",
    "a b",
    "100%",
    "%27%20or%201%20eq%201",
    "a+b&c=d;e",
    "Ünïcödé 東京",
    '"quoted"',
    "(key='x')",
]
UNSTORABLE = ["a/b", "a\\b", "a#b", "a?b", "tab\there", "x" * 513, "\ud800"]


class TablesConformance:
    """Subclass it where fixtures `tables` (the implementation) and `table` (the name of a fresh table) are."""

    async def test_a_missing_table_reads_as_empty(self, tables: Tables, table: str) -> None:
        assert await tables.get(table, "p", "k") is None
        assert await tables.list(table) == []
        assert await tables.list(table, "p") == []
        assert await tables.delete(table, "p", "k") is False

    async def test_a_missing_table_is_made_by_create(self, tables: Tables, table: str) -> None:
        await tables.create(table, Row("p", "k", {"A": 1}))
        assert [row.values for row in await tables.list(table)] == [{"A": 1}]

    async def test_a_missing_table_is_made_by_put(self, tables: Tables, table: str) -> None:
        await tables.put(table, Row("p", "k", {"A": 1}))
        assert [row.values for row in await tables.list(table)] == [{"A": 1}]

    async def test_a_missing_table_is_made_by_a_transaction(self, tables: Tables, table: str) -> None:
        await tables.transact(table, create=[Row("p", "k")])
        assert [row.key for row in await tables.list(table)] == ["k"]

    async def test_a_replace_in_a_missing_table_meets_a_changed_row(self, tables: Tables, table: str) -> None:
        with pytest.raises(RowChanged):
            await tables.replace(table, Row("p", "k", {}, 'W/"1"'))

    async def test_a_delete_in_a_transaction_on_a_missing_table_meets_a_changed_row(
        self, tables: Tables, table: str
    ) -> None:
        with pytest.raises(RowChanged):
            await tables.transact(table, delete=[Row("p", "k")])

    async def test_every_kind_of_value_comes_back_as_it_was(self, tables: Tables, table: str) -> None:
        values: dict[str, Value] = {
            "Text": "with \"quotes\", 'quotes', \\ and 東京",
            "Empty": "",
            "Yes": True,
            "No": False,
            "Small": -5,
            "Edge": 2**31 - 1,
            "Large": 2**40,
            "Negative": -(2**63),
            "Float": 0.125,
            "WholeFloat": 3.0,
            "Bytes": b"\x00\xff",
            "Moment": datetime(2026, 2, 3, 4, 5, 6, 789012, UTC),
            "RoundMoment": datetime(2026, 2, 3, tzinfo=UTC),
        }
        created = await tables.create(table, Row("p", "k", values))
        got = await tables.get(table, "p", "k")
        assert got is not None
        assert got.values == values
        assert {name: type(value) for name, value in got.values.items()} == {n: type(v) for n, v in values.items()}
        assert got == created
        assert await tables.list(table) == [got]

    async def test_a_moment_that_was_read_and_changed_is_written_as_changed(self, tables: Tables, table: str) -> None:
        await tables.create(table, Row("p", "k", {"At": datetime(2026, 1, 1, tzinfo=UTC)}))
        row = await tables.get(table, "p", "k")
        assert row is not None
        moment = row.values["At"]
        assert isinstance(moment, datetime)
        await tables.replace(table, replace(row, values={"At": moment.replace(year=2027)}))
        row = await tables.get(table, "p", "k")
        assert row is not None
        assert row.values == {"At": datetime(2027, 1, 1, tzinfo=UTC)}

    async def test_a_create_of_a_row_that_is_there_is_refused(self, tables: Tables, table: str) -> None:
        await tables.create(table, Row("p", "k", {"A": 1}))
        with pytest.raises(RowExists):
            await tables.create(table, Row("p", "k", {"A": 2}))
        row = await tables.get(table, "p", "k")
        assert row is not None
        assert row.values == {"A": 1}

    async def test_a_replace_writes_whole_and_answers_the_new_version(self, tables: Tables, table: str) -> None:
        created = await tables.create(table, Row("p", "k", {"A": 1, "B": 1}))
        replaced = await tables.replace(table, Row("p", "k", {"A": 2}, created.etag))
        assert replaced.etag not in (None, created.etag)
        assert await tables.get(table, "p", "k") == replaced
        assert replaced.values == {"A": 2}

    async def test_a_replace_of_an_older_version_is_refused(self, tables: Tables, table: str) -> None:
        created = await tables.create(table, Row("p", "k", {"A": 1}))
        await tables.replace(table, replace(created, values={"A": 2}))
        with pytest.raises(RowChanged):
            await tables.replace(table, replace(created, values={"A": 3}))
        row = await tables.get(table, "p", "k")
        assert row is not None
        assert row.values == {"A": 2}

    async def test_a_replace_of_a_row_that_is_gone_is_refused(self, tables: Tables, table: str) -> None:
        created = await tables.create(table, Row("p", "k", {"A": 1}))
        assert await tables.delete(table, "p", "k") is True
        with pytest.raises(RowChanged):
            await tables.replace(table, created)

    async def test_of_many_writers_with_one_version_exactly_one_wins(self, tables: Tables, table: str) -> None:
        created = await tables.create(table, Row("p", "k", {"A": 0}))
        writes = [tables.replace(table, replace(created, values={"A": number})) for number in range(8)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert sorted(isinstance(result, RowChanged) for result in results) == [False] + [True] * 7

    async def test_a_put_writes_whole_whatever_was_there(self, tables: Tables, table: str) -> None:
        first = await tables.put(table, Row("p", "k", {"A": 1, "B": 1}))
        second = await tables.put(table, Row("p", "k", {"A": 2}, 'W/"stale"'))
        assert second.etag != first.etag
        assert await tables.get(table, "p", "k") == second

    async def test_a_put_of_the_same_values_makes_a_new_version(self, tables: Tables, table: str) -> None:
        etags = {(await tables.put(table, Row("p", "k", {"A": 1}))).etag for _ in range(5)}
        assert len(etags) == 5

    async def test_a_delete_says_whether_there_was_a_row(self, tables: Tables, table: str) -> None:
        await tables.create(table, Row("p", "k"))
        assert await tables.delete(table, "p", "other") is False
        assert await tables.delete(table, "p", "k") is True
        assert await tables.delete(table, "p", "k") is False
        assert await tables.get(table, "p", "k") is None

    async def test_rows_are_listed_in_key_order(self, tables: Tables, table: str) -> None:
        keys = ["b", "a", "B", "A", "a-1", "a.1", "a_1", "10", "9", "key:1", "tenant", "_first"]
        for key in keys:
            for partition in ("q", "P", "p"):
                await tables.create(table, Row(partition, key))
        listed = [(row.partition, row.key) for row in await tables.list(table)]
        assert listed == sorted((partition, key) for partition in ("q", "P", "p") for key in keys)
        assert [row.key for row in await tables.list(table, "p")] == sorted(keys)

    async def test_a_range_of_keys_is_listed_with_both_its_ends(self, tables: Tables, table: str) -> None:
        keys = ["calls|1", "calls|2", "sum|a|1", "sum|a|2", "sum|b|1", "sum|é"]
        for partition in ("p", "q"):
            await tables.transact(table, create=[Row(partition, key) for key in keys])
        for first, last, found in (
            ("sum|a|", "sum|a|~", ["sum|a|1", "sum|a|2"]),
            ("calls|2", "sum|a|1", ["calls|2", "sum|a|1"]),
            ("sum|a|2", None, ["sum|a|2", "sum|b|1", "sum|é"]),
            (None, "calls|1", ["calls|1"]),
            ("b", "a", []),
            ("' or 1 eq 1 or RowKey ge '", None, keys),
            ("x' or 1 eq 1 or RowKey ge '", None, []),
            ("calls|1", "calls|1' or RowKey ge '", ["calls|1"]),
            ("calls|1", "zz/", []),
        ):
            assert [row.key for row in await tables.list(table, "p", first=first, last=last)] == found

    async def test_keys_differ_by_case(self, tables: Tables, table: str) -> None:
        await tables.create(table, Row("p", "Key", {"A": 1}))
        assert await tables.get(table, "p", "key") is None
        assert await tables.get(table, "P", "Key") is None

    async def test_more_rows_than_a_page_holds_are_listed_once_each(self, tables: Tables, table: str) -> None:
        for start in range(0, 1100, 100):
            await tables.transact(table, create=[Row("p", f"{start + each:04}") for each in range(100)])
        await tables.create(table, Row("q", "0000"))
        assert [row.key for row in await tables.list(table, "p")] == [f"{each:04}" for each in range(1100)]
        assert len(await tables.list(table)) == 1101

    @pytest.mark.parametrize("text", INJECTIONS)
    async def test_a_key_that_looks_like_a_filter_is_only_a_key(self, tables: Tables, table: str, text: str) -> None:
        await tables.create(table, Row("other", "row", {"A": 1}))
        assert await tables.get(table, text, text) is None
        assert await tables.get(table, "other", text) is None
        assert await tables.list(table, text) == []
        assert await tables.delete(table, "other", text) is False
        created = await tables.create(table, Row(text, text, {"A": 2}))
        with pytest.raises(RowExists):
            await tables.create(table, Row(text, text))
        assert await tables.get(table, text, text) == created
        assert await tables.list(table, text) == [created]
        replaced = await tables.replace(table, replace(created, values={"A": 3}))
        await tables.transact(table, create=[Row(text, "second")], delete=[replaced])
        assert [row.key for row in await tables.list(table, text)] == ["second"]
        assert await tables.delete(table, text, "second") is True
        assert [row.key for row in await tables.list(table)] == ["row"]

    @pytest.mark.parametrize("text", UNSTORABLE)
    async def test_a_key_that_storage_forbids_is_never_found_and_never_written(
        self, tables: Tables, table: str, text: str
    ) -> None:
        for row in (Row(text, "k"), Row("p", text)):
            assert await tables.get(table, row.partition, row.key) is None
            assert await tables.delete(table, row.partition, row.key) is False
            for write in (tables.create(table, row), tables.put(table, row), tables.transact(table, create=[row])):
                with pytest.raises(InvalidRequest):
                    await write
            with pytest.raises(InvalidRequest):
                await tables.replace(table, replace(row, etag='W/"1"'))
        assert await tables.list(table, text) == []
        assert await tables.list(table) == []

    async def test_a_text_as_long_as_storage_takes_comes_back(self, tables: Tables, table: str) -> None:
        longest = "é" * (32 * 1024)
        await tables.create(table, Row("p", "k", {"A": longest}))
        row = await tables.get(table, "p", "k")
        assert row is not None
        assert row.values == {"A": longest}

    @pytest.mark.parametrize("value", ["é" * (32 * 1024 + 1), "\ud800", 2**63])
    async def test_a_value_that_storage_does_not_take_is_refused_by_name(
        self, tables: Tables, table: str, value: str | int
    ) -> None:
        for write in (tables.create, tables.put, tables.replace):
            with pytest.raises(InvalidRequest, match="Column is "):
                await write(table, Row("p", "k", {"Column": value}, 'W/"1"'))
        assert await tables.list(table) == []

    async def test_a_transaction_creates_and_deletes(self, tables: Tables, table: str) -> None:
        old = await tables.create(table, Row("p", "old"))
        await tables.transact(table, create=[Row("p", "a", {"A": 1}), Row("p", "b")], delete=[old])
        assert [(row.key, row.values) for row in await tables.list(table)] == [("a", {"A": 1}), ("b", {})]

    async def test_a_transaction_that_meets_a_row_rolls_back(self, tables: Tables, table: str) -> None:
        old = await tables.create(table, Row("p", "old"))
        await tables.create(table, Row("p", "b", {"A": 1}))
        with pytest.raises(RowExists):
            await tables.transact(table, create=[Row("p", "a"), Row("p", "b", {"A": 2})], delete=[old])
        assert [(row.key, row.values) for row in await tables.list(table)] == [("b", {"A": 1}), ("old", {})]

    async def test_a_transaction_that_misses_a_row_rolls_back(self, tables: Tables, table: str) -> None:
        old = await tables.create(table, Row("p", "old"))
        with pytest.raises(RowChanged):
            await tables.transact(table, create=[Row("p", "a")], delete=[old, Row("p", "never")])
        assert [row.key for row in await tables.list(table)] == ["old"]

    async def test_a_transaction_that_meets_another_version_rolls_back(self, tables: Tables, table: str) -> None:
        old = await tables.create(table, Row("p", "old", {"A": 1}))
        await tables.put(table, Row("p", "old", {"A": 2}))
        with pytest.raises(RowChanged):
            await tables.transact(table, create=[Row("p", "a")], delete=[old])
        assert [(row.key, row.values) for row in await tables.list(table)] == [("old", {"A": 2})]

    async def test_a_transaction_deletes_any_version_of_a_row_without_etag(self, tables: Tables, table: str) -> None:
        await tables.put(table, Row("p", "old", {"A": 2}))
        await tables.transact(table, delete=[Row("p", "old")])
        assert await tables.list(table) == []

    async def test_a_transaction_answers_the_versions_that_it_wrote(self, tables: Tables, table: str) -> None:
        old, gone = await tables.create(table, Row("p", "old")), await tables.create(table, Row("p", "gone"))
        written = await tables.transact(
            table,
            create=[Row("p", "b", {"A": 1}), Row("p", "a")],
            replace=[replace(old, values={"A": 2})],
            delete=[gone],
        )
        assert [row.key for row in written] == ["b", "a", "old"]
        assert sorted(written, key=lambda row: row.key) == await tables.list(table)
        again = await tables.transact(table, replace=[replace(row, values={"A": 3}) for row in written])
        assert await tables.get(table, "p", "old") == again[2]

    async def test_a_transaction_takes_a_hundred_rows(self, tables: Tables, table: str) -> None:
        await tables.transact(table, create=[Row("p", f"{each:03}") for each in range(100)])
        await tables.transact(table, delete=await tables.list(table, "p"))
        assert await tables.list(table) == []
