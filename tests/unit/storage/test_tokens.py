"""Management tokens: who is known, and one first token however many instances start at once."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import StorageUnavailable
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.tokens import (
    GUARD,
    TOKEN,
    FirstToken,
    ensure_management_token,
    first_management_token,
    knows_management_token,
)

TOKEN_ROW = "0123456789abcdef_-ABC"


async def test_the_first_start_makes_one_active_token_that_is_known(tables: MemoryTables) -> None:
    token = await ensure_management_token(tables)
    assert token is not None
    assert TOKEN.fullmatch(token)
    assert len(token) == 43
    assert await knows_management_token(tables, token)
    assert await first_management_token(tables) == token
    assert [row.values for row in await tables.list("management", "management") if row.key == token] == [
        {"Active": True}
    ]


async def test_a_second_start_makes_none(tables: MemoryTables) -> None:
    await ensure_management_token(tables)
    assert await ensure_management_token(tables) is None
    assert len(await tables.list("management", "management")) == 2


async def test_of_many_instances_that_start_at_once_one_makes_the_token(tables: MemoryTables) -> None:
    made = await asyncio.gather(*(ensure_management_token(tables) for _ in range(10)))
    assert len([token for token in made if token is not None]) == 1
    assert len(await tables.list("management", "management")) == 2


async def test_a_partition_whose_tokens_are_all_switched_off_stays_closed(tables: MemoryTables) -> None:
    await tables.create("management", Row("management", TOKEN_ROW, {"Active": False}))
    assert await ensure_management_token(tables) is None
    assert await first_management_token(tables) is None
    assert not await knows_management_token(tables, TOKEN_ROW)


async def test_after_the_token_rows_were_deleted_one_instance_makes_a_new_one(tables: MemoryTables) -> None:
    old = await ensure_management_token(tables)
    assert old is not None
    await tables.delete("management", "management", old)
    made = await asyncio.gather(*(ensure_management_token(tables) for _ in range(10)))
    (new,) = [token for token in made if token is not None]
    assert new != old
    assert await first_management_token(tables) == new
    assert not await knows_management_token(tables, old)


async def test_a_token_of_another_partition_or_of_none_is_not_known(tables: MemoryTables) -> None:
    await tables.create("management", Row("registry", TOKEN_ROW, {"Active": True}))
    assert not await knows_management_token(tables, TOKEN_ROW)


@pytest.mark.parametrize("values", [{}, {"Active": "true"}, {"Active": 1}, {"active": True}])
async def test_only_active_true_is_active(tables: MemoryTables, values: dict[str, bool | int | str]) -> None:
    await tables.create("management", Row("management", TOKEN_ROW, values))
    assert not await knows_management_token(tables, TOKEN_ROW)
    assert await first_management_token(tables) is None


@pytest.mark.parametrize(
    "presented",
    [
        "",
        "short",
        "x" * 129,
        GUARD,
        "0123456789abcdef ",
        "0123456789abcdef\n",
        "' or 1 eq 1 or ''='",
        "0123456789abcdef'",
        "0123456789abcdef/",
        "٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦",
        "0123456789abcdeé",
    ],
)
async def test_what_can_not_be_a_token_is_refused_without_a_read(tables: MemoryTables, presented: str) -> None:
    assert not await knows_management_token(tables, presented)
    assert tables.calls.total() == 0


async def test_the_guard_never_authenticates_even_when_a_hand_made_it_active(tables: MemoryTables) -> None:
    await tables.put("management", Row("management", GUARD, {"Active": True}))
    assert not await knows_management_token(tables, GUARD)
    assert await first_management_token(tables) is None


async def test_storage_that_is_down_is_an_outage_and_not_a_wrong_token(tables: MemoryTables) -> None:
    tables.available = False
    for call in (
        knows_management_token(tables, TOKEN_ROW),
        first_management_token(tables),
        ensure_management_token(tables),
    ):
        with pytest.raises(StorageUnavailable):
            await call


async def test_the_first_start_work_is_done_once(tables: MemoryTables) -> None:
    first = FirstToken(tables)
    await first.ensure()
    tables.calls.clear()
    await first.ensure()
    assert tables.calls.total() == 0


async def test_the_first_start_work_is_tried_until_it_can_be_done_and_told_once(
    tables: MemoryTables, caplog: pytest.LogCaptureFixture
) -> None:
    first = FirstToken(tables)
    tables.available = False
    for _ in range(3):
        await first.ensure()
    tables.available = True
    await first.ensure()
    assert await first_management_token(tables) is not None
    assert [record.getMessage() for record in caplog.records] == [
        "the first management token can't be made yet: Storage is switched off."
    ]


async def test_after_storage_was_replaced_the_first_start_work_is_done_again(tables: MemoryTables) -> None:
    first = FirstToken(tables)
    await first.ensure()
    for row in await tables.list("management"):
        await tables.delete("management", row.partition, row.key)
    first.forget()
    await first.ensure()
    assert await first_management_token(tables) is not None
