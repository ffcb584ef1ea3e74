"""Columns: tolerant reading, sparing writing, and one complaint for each version of a bad row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.storage import columns
from gateway.storage.columns import Complaints, Unreadable
from gateway.storage.rows import Row, Value


@dataclass(frozen=True, kw_only=True)
class Thing:
    name: str = "thing"
    note: str | None = None
    on: bool = True
    count: int | None = None
    share: float = 1.0
    at: datetime | None = None
    words: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    on_day: date | None = None
    notes: dict[str, Any] = field(default_factory=dict)


COLUMNS = (
    columns.text("Name", "name", required=True),
    columns.text("Note", "note"),
    columns.flag("On", "on"),
    columns.whole("Count", "count"),
    columns.number("Share", "share"),
    columns.moment("At", "at"),
    columns.texts("Words", "words"),
    columns.tags("Labels", "labels"),
    columns.day("OnDay", "on_day"),
    columns.json_object("Notes", "notes"),
)

things = st.builds(
    Thing,
    name=st.text(),
    note=st.none() | st.text(),
    on=st.booleans(),
    count=st.none() | st.integers(0, 2**63 - 1),
    share=st.floats(0, allow_infinity=False, allow_nan=False),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
    words=st.lists(st.text()).map(tuple),
    labels=st.dictionaries(st.text(), st.text()),
    on_day=st.none() | st.dates(),
    notes=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.lists(st.text())),
)


def read(values: dict[str, Any]) -> Thing:
    return Thing(**columns.fields(COLUMNS, Row("p", "k", values)))


@given(thing=things)
def test_what_is_written_is_read_back(thing: Thing) -> None:
    assert read(columns.values(COLUMNS, thing, None, {})) == thing


@given(before=things, after=things)
def test_a_change_reads_back_as_what_it_was_changed_to(before: Thing, after: Thing) -> None:
    stored = columns.values(COLUMNS, before, None, {})
    assert read(columns.values(COLUMNS, after, before, stored)) == after


def test_columns_that_are_missing_leave_the_defaults() -> None:
    assert read({"Name": "x"}) == Thing(name="x")


def test_a_required_column_that_is_missing_is_named() -> None:
    with pytest.raises(Unreadable, match="column Name is missing"):
        read({"On": True})


def test_a_whole_number_reads_as_a_number() -> None:
    thing = read({"Name": "x", "Share": 2})
    assert (thing.share, type(thing.share)) == (2.0, float)


BAD: list[tuple[str, Any]] = [
    ("Name", 5),
    ("On", "true"),
    ("On", 1),
    ("Count", True),
    ("Count", -1),
    ("Count", 1.5),
    ("Share", -0.1),
    ("Share", float("nan")),
    ("Share", float("inf")),
    ("Share", "1"),
    ("At", "2026-01-01"),
    ("Words", "secret garbage"),
    ("Words", "{}"),
    ("Words", "[1]"),
    ("Words", 7),
    ("Words", "[" * 100_000),
    ("Labels", "[]"),
    ("Labels", '{"a": 1}'),
]


@pytest.mark.parametrize(("column", "value"), BAD)
def test_a_value_that_was_never_written_is_refused_by_column_and_not_shown(column: str, value: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        read({"Name": "x", column: value})
    assert str(caught.value) == f"column {column} does not hold what it should"


def test_only_what_changed_is_written_and_all_else_is_kept() -> None:
    kept: dict[str, Value] = {"Name": "x", "Words": '[ "spaced" ]', "Unknown": 5}
    before = Thing(name="x", words=("spaced",))
    after = Thing(name="y", words=("spaced",))
    assert columns.values(COLUMNS, after, before, kept) == {**kept, "Name": "y"}


def test_a_field_set_to_none_takes_its_column_away() -> None:
    kept: dict[str, Value] = {"Name": "x", "Note": "n", "Unknown": 5}
    assert columns.values(COLUMNS, Thing(name="x"), Thing(name="x", note="n"), kept) == {"Name": "x", "Unknown": 5}


def test_without_a_before_every_field_is_written_over_what_was_kept() -> None:
    written = columns.values(COLUMNS, Thing(), None, {"Name": 5, "Note": "n", "Unknown": 5})
    assert written == {
        "Name": "thing",
        "On": True,
        "Share": 1.0,
        "Words": "[]",
        "Labels": "{}",
        "Notes": "{}",
        "Unknown": 5,
    }


def test_a_bad_row_is_complained_about_once_for_each_of_its_versions(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints("things")
    for etag in ("1", "1", "2", "2", "2"):
        complaints.about(Row("p", "k", {"Secret": "s3cret"}, etag), "is bad")
    complaints.about(Row("p", "other", {}, "1"), "is bad")
    assert [record.getMessage() for record in caplog.records] == [
        "things row p/k: is bad",
        "things row p/k: is bad",
        "things row p/other: is bad",
    ]
    assert "s3cret" not in caplog.text
