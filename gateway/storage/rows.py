"""What the rooms above see of a table: rows, their versions, and what can go wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.errors import InvalidRequest

# What Azure Tables takes: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
FORBIDDEN_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
MAX_KEY_CHARACTERS = 512
MAX_TEXT_CHARACTERS = 32 * 1024
MAX_BYTES = 64 * 1024
INT64 = range(-(2**63), 2**63)

Value = str | int | float | bool | bytes | datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One entity. `etag` is its version as storage knows it; a row that was not read from storage has none."""

    partition: str
    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    etag: str | None = None


def is_key(text: str) -> bool:
    """Whether this can be a partition's or row's key; a look-up of anything else finds nothing."""
    return _is_text(text, MAX_KEY_CHARACTERS) and not FORBIDDEN_IN_KEYS.search(text)


def check_storable(row: Row) -> None:
    """Raise InvalidRequest for what storage would refuse; the message names the key or column and the limit."""
    if not (is_key(row.partition) and is_key(row.key)):
        raise InvalidRequest(
            f"{row.partition!r}, {row.key!r}: a name is at most {MAX_KEY_CHARACTERS} characters, "
            "without '/', '\\', '#', '?' and control characters."
        )
    for name, value in row.values.items():
        if isinstance(value, str) and not _is_text(value, MAX_TEXT_CHARACTERS):
            raise InvalidRequest(
                f"{name} is not what storage takes: at most {MAX_TEXT_CHARACTERS} characters of Unicode text."
            )
        if isinstance(value, bytes) and len(value) > MAX_BYTES:
            raise InvalidRequest(f"{name} is larger than storage takes: {MAX_BYTES} bytes.")
        if isinstance(value, int) and value not in INT64:
            raise InvalidRequest(f"{name} is larger than storage takes: 64 bits.")


def _is_text(text: str, most: int) -> bool:
    """Whether this is Unicode text (no half of a surrogate pair) of at most so many UTF-16 units."""
    try:
        return len(text.encode("utf-16-le")) <= 2 * most
    except UnicodeEncodeError:
        return False


class RowExists(Exception):
    """A create met a row that is already there."""


class RowChanged(Exception):
    """A conditional write met another version than the one it was made from, or no row at all."""


class Tables(Protocol):
    """Tables of rows. Every method raises StorageUnavailable (gateway.errors) when storage can't be reached in time.

    A table that is missing reads as empty and is made by the first write. A write of a row that storage would not take
    (see check_storable) raises InvalidRequest.
    """

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """A point read; None when there is no such row."""
        ...

    async def list(
        self, table: str, partition: str | None = None, *, first: str | None = None, last: str | None = None
    ) -> list[Row]:
        """All rows, or those of one partition, in key order; of that, the keys from `first` to `last`, both included.

        A range needs a partition.
        """
        ...

    async def create(self, table: str, row: Row) -> Row:
        """Add a row; RowExists if it is there. Answers the row with its etag."""
        ...

    async def replace(self, table: str, row: Row) -> Row:
        """Write the row whole if storage still holds the version `row.etag`, else RowChanged."""
        ...

    async def put(self, table: str, row: Row) -> Row:
        """Write the row whole, whatever was there."""
        ...

    async def delete(self, table: str, partition: str, key: str) -> bool:
        """Remove a row; whether there was one."""
        ...

    async def transact(
        self, table: str, *, create: Sequence[Row] = (), replace: Sequence[Row] = (), delete: Sequence[Row] = ()
    ) -> Sequence[Row]:
        """All or nothing, at most 100 different rows of one partition. RowExists or RowChanged if any of them fails.

        A row to replace must be there in the version its etag names; a row to delete too, if it has an etag. Answers
        the rows that were created, then those that were replaced, with their etags.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
