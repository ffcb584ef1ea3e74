"""Columns: how the fields of a noun stand in a row, read tolerantly and written sparingly."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from gateway.storage.rows import Row, Value

logger = logging.getLogger(__name__)


class Unreadable(Exception):
    """A row that does not hold what its table should hold; names the column, never its value."""


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a noun and the column that holds it. `read` raises ValueError for what `write` never made."""

    name: str
    field: str
    read: Callable[[Value], Any]
    write: Callable[[Any], Value]
    required: bool = False


def text(name: str, field: str, *, required: bool = False) -> Column:
    """A string."""
    return Column(name, field, _is(str), str, required)


def flag(name: str, field: str) -> Column:
    """True or False."""
    return Column(name, field, _is(bool), bool)


def whole(name: str, field: str) -> Column:
    """A whole number, not below 0."""
    return Column(name, field, _is(int, at_least=0), int)


def number(name: str, field: str) -> Column:
    """A number, not below 0; a hand-made row may hold a whole one."""
    return Column(name, field, lambda value: float(_is(int, float, at_least=0)(value)), float)


def moment(name: str, field: str, *, required: bool = False) -> Column:
    """A point in time."""
    return Column(name, field, _is(datetime), lambda value: value, required)


def day(name: str, field: str) -> Column:
    """A date, as `YYYY-MM-DD`."""
    return Column(name, field, lambda value: date.fromisoformat(_is_text(value)), date.isoformat)


def texts(name: str, field: str) -> Column:
    """Several strings, as a JSON list."""
    return Column(name, field, lambda value: tuple(_is_text(each) for each in _json(value, list)), _dump)


def tags(name: str, field: str) -> Column:
    """Strings by name, as a JSON object."""
    return Column(name, field, lambda value: {key: _is_text(each) for key, each in _json(value, dict).items()}, _dump)


def json_object(name: str, field: str) -> Column:
    """Anything that JSON can say, by name."""
    return Column(name, field, lambda value: _json(value, dict), lambda value: _dump(dict(value)))


def fields(columns: Sequence[Column], row: Row) -> dict[str, Any]:
    """The fields that the row holds; what it does not hold is left to the noun's defaults. Raises Unreadable."""
    found: dict[str, Any] = {}
    for column in columns:
        value = row.values.get(column.name)
        if value is None:
            if column.required:
                raise Unreadable(f"column {column.name} is missing")
            continue
        try:
            found[column.field] = column.read(value)
        except (ValueError, RecursionError):
            raise Unreadable(f"column {column.name} does not hold what it should") from None
    return found


def values(columns: Sequence[Column], noun: Any, before: Any, kept: Mapping[str, Value]) -> dict[str, Value]:
    """The row's values for a noun: only fields that differ from `before` (None: all) are written over `kept`.

    So what another version of the gateway, or a hand, put into other columns stays as it is.
    """
    merged = dict(kept)
    for column in columns:
        value = getattr(noun, column.field)
        if before is not None and value == getattr(before, column.field):
            continue
        if value is None:
            merged.pop(column.name, None)
        else:
            merged[column.name] = column.write(value)
    return merged


class Complaints:
    """Says once in the log what is wrong with a row, and again only when the row was changed."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._said: dict[tuple[str, str], str | None] = {}

    def about(self, row: Row, fault: str) -> None:
        """Warn about a row; `fault` must hold no secret."""
        if (row.partition, row.key) in self._said and self._said[row.partition, row.key] == row.etag:
            return
        self._said[row.partition, row.key] = row.etag
        logger.warning("%s row %s/%s: %s", self._table, row.partition, row.key, fault)


def _is(*kinds: type, at_least: float | None = None) -> Callable[[Value], Any]:
    """Takes only values of exactly these types: a bool is no number here."""

    def read(value: Value) -> Value:
        if type(value) not in kinds or (at_least is not None and not at_least <= value < float("inf")):  # type: ignore[operator]
            raise ValueError
        return value

    return read


_is_text = _is(str)


def _json(value: Value, kind: type) -> Any:
    loaded = json.loads(_is_text(value))
    if type(loaded) is not kind:
        raise ValueError
    return loaded


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
