"""Entities: a row as the storage SDK writes and reads it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.storage.rows import Row

KEYS = ("PartitionKey", "RowKey")
INT32 = range(-(2**31), 2**31)


def to_entity(row: Row) -> dict[str, Any]:
    """What the SDK is given."""
    values = {name: _sent(value) for name, value in row.values.items()}
    return {**values, "PartitionKey": row.partition, "RowKey": row.key}


def to_row(entity: Any) -> Row:
    """What the SDK answered, a TableEntity."""
    values = {name: _received(value) for name, value in entity.items() if name not in KEYS}
    return Row(entity["PartitionKey"], entity["RowKey"], values, entity.metadata["etag"])


def _sent(value: Any) -> Any:
    # The SDK writes an int as 32 bit and refuses a larger one, unless it is told otherwise.
    return (value, "Edm.Int64") if isinstance(value, int) and value not in INT32 else value


def _received(value: Any) -> Any:
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, datetime):
        # The SDK's own subclass, which writes back the text it was read from whatever was done to it since.
        return datetime.fromisoformat(value.isoformat())
    return value
