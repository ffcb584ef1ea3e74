"""The usage store: pages and the roll-ups that they are counted in, in one transaction."""

from __future__ import annotations

import random
import secrets
import string
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.errors import Conflict
from gateway.metering.rollups import Totals, dimensions_of
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row, RowChanged, RowExists, check_storable
from gateway.storage.usage import CHARACTERS_IN_A_PAGE, LAST, TABLE, UsageStore, _packed
from tests.unit.usage.ledger import NOON, TENANT, charged, page

PARTITION = f"{TENANT}|2026-11"


@pytest.fixture
def store(tables: MemoryTables) -> UsageStore:
    return UsageStore(tables)


async def requests(store: UsageStore, period: Any = "month", which: str = "2026-11") -> int:
    return sum(each.totals.requests for each in await store.totals(TENANT, period, which))


async def test_a_page_its_sums_and_its_tenant_are_stored_by_their_keys(store: UsageStore, tables: MemoryTables):
    made = page(charged(1), charged(2))
    await store.write(made)
    hashed = dimensions_of(charged()).hash
    keys = [(row.partition, row.key) for row in await tables.list(TABLE)]
    assert keys == [
        (PARTITION, made.key),
        (PARTITION, f"sum|day|2026-11-20|1|{hashed}"),
        (PARTITION, f"sum|month|2026-11|1|{hashed}"),
        ("tenants|2026-11", TENANT),
    ]
    assert all(key < f"sum|{LAST}" for _, key in keys[:3])
    assert tables.calls == {"put": 1, "list": 3, "transact": 1}
    assert await store.tenants("2026-11") == [TENANT]
    assert await store.tenants("2026-12") == []


async def test_the_usual_page_costs_one_transaction(store: UsageStore, tables: MemoryTables):
    await store.write(page(charged(1)))
    tables.calls.clear()
    for number in range(1, 6):
        # The last ones bring sums that are not there yet.
        await store.write(page(charged(number), charged(9, key_id=f"key-{number // 4}"), sequence=number))
    assert tables.calls == {"transact": 5}
    assert await requests(store) == await requests(store, "day", "2026-11-20") == 11


async def test_a_new_day_is_read_once_and_the_month_not_again(store: UsageStore, tables: MemoryTables):
    await store.write(page(charged(1)))
    tables.calls.clear()
    for number in (1, 2):
        await store.write(page(charged(at=NOON + timedelta(days=1)), sequence=number))
    assert tables.calls == {"list": 1, "transact": 2}
    assert await requests(store) == 3 and await requests(store, "day", "2026-11-21") == 2


async def test_a_page_that_is_written_again_is_counted_once(store: UsageStore):
    for _ in range(3):
        await store.write(page(charged(1)))
    assert await requests(store) == 1
    await store.write(page(charged(1), sequence=1))
    assert await requests(store) == 2


async def test_totals_are_by_dimensions_over_all_shards(store: UsageStore):
    for instance in "abcdefgh":
        await store.write(page(charged(1), charged(2, key_id="other"), instance=instance))
    found = await store.totals(TENANT, "day", "2026-11-20")
    assert sorted((each.dimensions.key_id, each.totals.requests) for each in found) == [
        ("3f9ac2e1b07d", 8),
        ("other", 8),
    ]
    assert await store.totals(TENANT, "day", "2026-11-2") == []
    assert await store.totals("nobody@1", "month", "2026-11") == []


async def test_a_sum_holds_every_kind_of_total(store: UsageStore):
    before = Totals()
    await store.write(page(charged(1, None, measured=False, status=500)))
    [found] = await store.totals(TENANT, "month", "2026-11")
    assert found.dimensions == dimensions_of(charged())
    assert found.totals == before + Totals(
        requests=1, failed=1, input_tokens=10, output_tokens=5, unpriced=1, latency_ms=100
    )


async def test_calls_come_back_by_the_hour(store: UsageStore):
    later = [charged(each, at=NOON + timedelta(hours=1, seconds=each), known_as=()) for each in range(300)]
    await store.write(page(charged(1)))
    await store.write(page(*later, sequence=1))
    found = await store.calls(TENANT, NOON + timedelta(hours=1))
    assert [each.call.request_id for each in found] == [each.call.request_id for each in later]
    assert await store.calls(TENANT, datetime(2026, 11, 20, 14, tzinfo=UTC)) == []


async def test_calls_take_a_small_part_of_their_lines(store: UsageStore, tables: MemoryTables):
    calls = [charged(each, request_id=f"{secrets.randbits(128):032x}", known_as=()) for each in range(1000)]
    made = page(*calls)
    await store.write(made)
    [row] = [row for row in await tables.list(TABLE) if row.key.startswith("calls|")]
    assert list(row.values) == ["Calls00"]
    assert sum(map(len, row.values.values())) < sum(map(len, made.lines)) / 4
    found = await store.calls(TENANT, NOON)
    assert [each.call.request_id for each in found] == [each.call.request_id for each in calls]


async def test_calls_that_nothing_makes_smaller_fit_into_a_row_all_the_same():
    noise = "".join(random.Random(1).choices(string.printable, k=CHARACTERS_IN_A_PAGE))
    columns = await _packed([noise])
    assert 5 < len(columns) <= 14
    check_storable(Row("p", "k", columns))


async def test_a_row_of_another_hand_is_left_out_and_named_once(
    store: UsageStore, tables: MemoryTables, caplog: pytest.LogCaptureFixture
):
    await tables.put(TABLE, Row(PARTITION, "calls|2026-11-20T12:00:00|x|1", {"Calls00": b"nonsense", "Other": 1}))
    await tables.put(TABLE, Row(PARTITION, "sum|month|2026-11|0|x", {"Requests": "many"}))
    await store.write(page(charged(1)))
    for _ in range(2):
        assert await requests(store) == 1
        assert len(await store.calls(TENANT, NOON)) == 1
    assert len(caplog.records) == 2


async def test_what_a_newer_version_put_into_a_sum_stays(store: UsageStore, tables: MemoryTables):
    await store.write(page(charged(1)))
    [row] = await tables.list(TABLE, PARTITION, first="sum|month|", last="sum|month|~")
    await tables.put(TABLE, Row(row.partition, row.key, {**row.values, "Queries": 5}))
    await store.write(page(charged(2), sequence=1))
    [row] = await tables.list(TABLE, PARTITION, first="sum|month|", last="sum|month|~")
    assert (row.values["Queries"], row.values["Requests"]) == (5, 2)


@pytest.mark.parametrize("refusal", [RowChanged, RowExists])
async def test_a_writer_that_others_were_before_reads_again_and_at_last_gives_up(
    store: UsageStore,
    tables: MemoryTables,
    monkeypatch: pytest.MonkeyPatch,
    pauses: list[int],
    refusal: type[Exception],
):
    refused, real = [2], tables.transact

    async def late(table: str, **rows: Any) -> Sequence[Row]:
        if refused[0]:
            refused[0] -= 1
            raise refusal
        return await real(table, **rows)

    monkeypatch.setattr(tables, "transact", late)
    await store.write(page(charged(1)))
    assert await requests(store) == 1 and pauses == [0, 1]
    refused[0] = 100
    with pytest.raises(Conflict):
        await store.write(page(charged(2), sequence=1))
    assert await requests(store) == 1
