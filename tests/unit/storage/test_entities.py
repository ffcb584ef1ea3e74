"""Entities: the few values that the SDK would change on their way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from gateway.storage.entities import to_entity, to_row
from gateway.storage.rows import Row


class Entity(dict[str, Any]):
    """What the SDK answers."""

    metadata = {"etag": 'W/"1"', "timestamp": None}  # noqa: RUF012


class SdkDatetime(datetime):
    """The SDK's datetime remembers the text it was read from."""

    tables_service_value = "2026-01-01T00:00:00Z"


def test_a_row_is_sent_with_its_keys() -> None:
    assert to_entity(Row("p", "k", {"A": "x", "B": True}, 'W/"1"')) == {
        "PartitionKey": "p",
        "RowKey": "k",
        "A": "x",
        "B": True,
    }


@pytest.mark.parametrize(
    ("number", "wide"), [(2**31 - 1, False), (-(2**31), False), (2**31, True), (-(2**31) - 1, True)]
)
def test_a_number_beyond_32_bits_is_sent_as_one_of_64(number: int, wide: bool) -> None:
    assert to_entity(Row("p", "k", {"A": number}))["A"] == ((number, "Edm.Int64") if wide else number)


def test_a_row_is_read_with_its_etag_and_without_its_keys() -> None:
    guid = UUID(int=1)
    entity = Entity(PartitionKey="p", RowKey="k", A="x", B=(2**40, "Edm.Int64"), C=guid)
    assert to_row(entity) == Row("p", "k", {"A": "x", "B": 2**40, "C": guid}, 'W/"1"')  # type: ignore[dict-item]


def test_a_moment_is_read_as_a_plain_one() -> None:
    row = to_row(Entity(PartitionKey="p", RowKey="k", At=SdkDatetime(2026, 1, 1, tzinfo=UTC)))
    assert row.values == {"At": datetime(2026, 1, 1, tzinfo=UTC)}
    assert type(row.values["At"]) is datetime
