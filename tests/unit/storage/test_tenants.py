"""The tenant store: tenants, their API keys, and deletion that leaves no key behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Conflict, NotFound, StorageUnavailable
from gateway.registry.limits import Limits
from gateway.registry.tenants import Tenant
from gateway.storage import revision
from gateway.storage.memory import MemoryTables
from gateway.storage.optimistic import TRIES
from gateway.storage.rows import Row, Value
from gateway.storage.tenants import TenantStore
from tests.builders import EPOCH, api_key, tenant
from tests.unit.storage.test_optimistic import run_interleaved

FULL = tenant(
    active=False,
    models=("gpt-4o",),
    start_utc=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
    end_utc=datetime(2027, 1, 1, tzinfo=UTC),
    permissions=("catalog:write",),
    limits=Limits(rpm=0, daily_token_limit=10**12, monthly_cost_limit=0.25),
    max_token_cap=4096,
    time_zone="Europe/Berlin",
)
KEY = api_key()


@pytest.fixture
def store(tables: MemoryTables) -> TenantStore:
    return TenantStore(tables)


def mine(before: Tenant | None) -> Tenant:
    return replace(before or tenant(), models=("a",))


def yours(before: Tenant | None) -> Tenant:
    return replace(before or tenant(), active=False)


async def test_a_tenant_and_its_keys_come_back_as_they_were(store: TenantStore) -> None:
    assert await store.create(FULL) == FULL
    assert await store.create_key(KEY) == KEY
    assert await store.read("local") == FULL
    assert await store.keys("local") == [KEY]
    assert await store.list() == ([FULL], [KEY], [])


async def test_a_tenant_and_its_keys_are_rows_of_one_partition(store: TenantStore, tables: MemoryTables) -> None:
    await store.create(FULL)
    await store.create_key(KEY)
    assert [(row.partition, row.key, dict(row.values)) for row in await tables.list("authorization")] == [
        ("local", "key:local0", {"Name": "", "Sha256": KEY.sha256, "CreatedAt": EPOCH}),
        (
            "local",
            "tenant",
            {
                "Name": "Local",
                "Active": False,
                "Models": '["gpt-4o"]',
                "StartUtc": FULL.start_utc,
                "EndUtc": FULL.end_utc,
                "Permissions": '["catalog:write"]',
                "Rpm": 0,
                "DailyTokenLimit": 10**12,
                "MonthlyCostLimit": 0.25,
                "MaxTokenCap": 4096,
                "TimeZone": "Europe/Berlin",
                "CreatedAt": EPOCH,
            },
        ),
    ]


async def test_there_is_none_that_was_never_stored(store: TenantStore) -> None:
    assert await store.read("local") is None
    assert await store.keys("local") == []
    assert await store.list() == ([], [], [])
    assert await store.delete("local") is False
    assert await store.delete_key("local", "local0") is False


async def test_a_tenant_can_not_be_created_twice(store: TenantStore) -> None:
    await store.create(tenant())
    with pytest.raises(Conflict, match="'local' exists already"):
        await store.create(FULL)
    assert await store.read("local") == tenant()


async def test_a_key_can_not_be_created_twice(store: TenantStore) -> None:
    await store.create(tenant())
    await store.create_key(KEY)
    with pytest.raises(Conflict, match="'local0' exists already"):
        await store.create_key(replace(KEY, sha256="other"))
    assert await store.keys("local") == [KEY]


async def test_a_key_of_a_tenant_that_is_gone_is_refused_and_not_left_behind(
    store: TenantStore, tables: MemoryTables
) -> None:
    with pytest.raises(NotFound, match="no tenant with the id 'local'"):
        await store.create_key(KEY)
    assert await tables.list("authorization") == []


async def test_a_deleted_key_is_gone_and_its_tenant_stays(store: TenantStore) -> None:
    await store.create(tenant())
    await store.create_key(KEY)
    assert await store.delete_key("local", "local0") is True
    assert await store.list() == ([tenant()], [], [])


async def test_an_upsert_makes_and_changes_a_tenant(store: TenantStore) -> None:
    assert await store.upsert("local", lambda _: tenant()) == tenant()
    assert await store.upsert("local", yours) == tenant(active=False)
    assert await store.read("local") == tenant(active=False)


async def test_an_upsert_that_changes_nothing_leaves_the_row_alone(store: TenantStore, tables: MemoryTables) -> None:
    await store.create(FULL)
    before = await tables.list("authorization")
    assert await store.upsert("local", lambda _: FULL) == FULL
    assert await tables.list("authorization") == before


async def test_unknown_columns_survive_an_upsert(store: TenantStore, tables: MemoryTables) -> None:
    await tables.put("authorization", Row("local", "tenant", {"Name": "Local", "CreatedAt": EPOCH, "Future": 1}))
    await store.upsert("local", yours)
    row = await tables.get("authorization", "local", "tenant")
    assert row is not None
    assert dict(row.values) == {"Name": "Local", "CreatedAt": EPOCH, "Future": 1, "Active": False}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.booleans(), max_size=30))
def test_two_upserts_of_different_fields_both_survive_in_every_order(order: list[bool]) -> None:
    store = TenantStore(MemoryTables())
    run_interleaved(store.upsert("local", mine), store.upsert("local", yours), order)
    assert asyncio.run(store.read("local")) == tenant(models=("a",), active=False)


@pytest.mark.parametrize("number_of_keys", [0, 1, 99, 100, 250])
async def test_a_deleted_tenant_takes_all_its_keys_along(
    store: TenantStore, tables: MemoryTables, number_of_keys: int
) -> None:
    for name in ("local", "other"):
        await tables.create("authorization", Row(name, "tenant", {"Name": name, "CreatedAt": EPOCH}))
    for number in range(number_of_keys):
        await tables.create("authorization", Row("local", f"key:{number:03}"))
    tables.calls.clear()
    assert await store.delete("local") is True
    assert [row.partition for row in await tables.list("authorization")] == ["other"]
    assert tables.calls["transact"] == number_of_keys // 100 + 1


async def test_the_tenants_own_row_goes_last(tables: MemoryTables) -> None:
    class Breaking(MemoryTables):
        async def transact(self, table: str, *, create: object = (), delete: object = ()) -> Sequence[Row]:
            if self.calls["transact"] == 1:
                self.available = False
            return await super().transact(table, delete=delete)  # type: ignore[arg-type]

    breaking = Breaking()
    store = TenantStore(breaking)
    await store.create(tenant())
    for number in range(120):
        await breaking.create("authorization", Row("local", f"zkey:{number:03}"))
    with pytest.raises(StorageUnavailable):
        await store.delete("local")
    breaking.available = True
    assert await store.read("local") == tenant()
    assert len(await breaking.list("authorization")) == 21


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.booleans(), max_size=40))
def test_a_key_made_while_its_tenant_is_deleted_never_outlives_it(order: list[bool]) -> None:
    tables = MemoryTables()
    store = TenantStore(tables)
    asyncio.run(store.create(tenant()))
    refused = []

    async def make_key() -> None:
        try:
            await store.create_key(KEY)
        except NotFound:
            refused.append(True)

    run_interleaved(store.delete("local"), make_key(), order)
    assert asyncio.run(tables.list("authorization")) == []


async def test_a_deletion_that_always_meets_other_writers_is_a_conflict(pauses: list[int]) -> None:
    class Contested(MemoryTables):
        async def transact(self, table: str, *, create: object = (), delete: object = ()) -> Sequence[Row]:
            await self.put(table, Row("local", "tenant"))
            return await super().transact(table, delete=delete)  # type: ignore[arg-type]

    contested = Contested()
    store = TenantStore(contested)
    await store.create(tenant())
    with pytest.raises(Conflict):
        await store.delete("local")
    assert pauses == list(range(TRIES))


async def test_every_write_touches_the_revision_marker_also_one_that_comes_again(
    store: TenantStore, tables: MemoryTables
) -> None:
    markers = [await revision.current(tables)]
    for write in (
        lambda: store.create(tenant()),
        lambda: store.upsert("local", lambda _: FULL),
        lambda: store.upsert("local", lambda _: FULL),
        lambda: store.create_key(KEY),
        lambda: store.delete_key("local", "local0"),
        lambda: store.delete_key("local", "local0"),
        lambda: store.delete("local"),
        lambda: store.delete("local"),
    ):
        await write()
        markers.append(await revision.current(tables))
    assert len(set(markers)) == 9


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("tenant", {"Name": "x"}),
        ("tenant", {"Name": "x", "CreatedAt": "yesterday"}),
        ("tenant", {"Name": "x", "CreatedAt": EPOCH, "TimeZone": "Berlin"}),
        ("tenant", {"Name": "x", "CreatedAt": EPOCH, "Tpm": -1}),
        ("key:a", {"Name": "x", "CreatedAt": EPOCH}),
        ("model:a", {"Name": "x", "CreatedAt": EPOCH}),
        ("stranger", {}),
    ],
)
async def test_a_row_that_can_not_be_read_is_left_out_and_named_once(
    store: TenantStore, tables: MemoryTables, caplog: pytest.LogCaptureFixture, key: str, values: dict[str, Value]
) -> None:
    await store.create(tenant())
    await tables.put("authorization", Row("bad", key, {"Secret": "s3cret", **values}))
    for _ in range(3):
        assert await store.list() == ([tenant()], [], [])
        assert await store.read("bad") is None
        assert await store.keys("bad") == []
    (record,) = caplog.records
    assert record.getMessage().startswith(f"authorization row bad/{key}: ")
    assert "s3cret" not in caplog.text


async def test_a_tenant_row_that_can_not_be_read_is_mended_by_an_upsert(
    store: TenantStore, tables: MemoryTables
) -> None:
    await tables.put("authorization", Row("local", "tenant", {"Name": 5}))
    assert await store.upsert("local", lambda before: FULL if before is None else before) == FULL
    assert await store.read("local") == FULL


async def test_a_long_list_lets_the_loop_run_in_between(store: TenantStore, tables: MemoryTables) -> None:
    for number in range(1000):
        await tables.create("authorization", Row("local", f"key:{number}"))
    turns = 0
    listing = asyncio.ensure_future(store.list())
    while not listing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 10


async def test_while_storage_is_down_every_call_says_so(store: TenantStore, tables: MemoryTables) -> None:
    tables.available = False
    for call in (
        store.list(),
        store.read("local"),
        store.keys("local"),
        store.create(tenant()),
        store.upsert("local", yours),
        store.delete("local"),
        store.create_key(KEY),
        store.delete_key("local", "local0"),
    ):
        with pytest.raises(StorageUnavailable):
            await call
