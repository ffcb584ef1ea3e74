"""The store of tenant models: one default at most, none without its tenant, whatever happens at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import AlreadyExists, Conflict, ModelNotFound, NotFound, StorageUnavailable
from gateway.registry.limits import Limits
from gateway.registry.tenant_models import TenantModel
from gateway.storage import revision
from gateway.storage.memory import MemoryTables
from gateway.storage.optimistic import TRIES
from gateway.storage.rows import Row
from gateway.storage.tenant_models import TenantModelStore
from gateway.storage.tenants import TenantStore
from tests.builders import EPOCH, api_key, tenant
from tests.unit.storage.test_optimistic import run_interleaved


def model(model_id: str = "a", **fields: object) -> TenantModel:
    defaults: dict[str, object] = {"tenant_id": "local", "provider": "openai", "name": f"name-of-{model_id}"}
    return TenantModel(
        model_id=model_id,
        created_at=EPOCH,
        updated_at=EPOCH,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


def default(before: TenantModel) -> TenantModel:
    return replace(before, is_default=True)


def preferred(before: TenantModel) -> TenantModel:
    return replace(before, priority=900)


FULL = model(
    model_type="embedding",
    is_enabled=False,
    is_default=False,
    priority=0,
    limits=Limits(tpm=0, monthly_token_limit=10**13, daily_cost_limit=1.5),
)


@pytest.fixture
async def store(tables: MemoryTables) -> TenantModelStore:
    await TenantStore(tables).create(tenant())
    await TenantStore(tables).create_key(api_key())
    return TenantModelStore(tables)


async def test_a_model_comes_back_as_it_was_and_lies_with_its_tenant(
    store: TenantModelStore, tables: MemoryTables
) -> None:
    assert await store.create(FULL) == FULL
    assert await store.list("local") == [FULL]
    assert await store.list("other") == []
    assert (await TenantStore(tables).list())[2] == [FULL]
    row = await tables.get("authorization", "local", "model:a")
    assert row is not None
    assert dict(row.values) == {
        "Provider": "openai",
        "Name": "name-of-a",
        "ModelType": "embedding",
        "IsEnabled": False,
        "IsDefault": False,
        "Priority": 0,
        "Tpm": 0,
        "MonthlyTokenLimit": 10**13,
        "DailyCostLimit": 1.5,
        "CreatedAt": EPOCH,
        "UpdatedAt": EPOCH,
    }


async def test_a_model_can_not_be_configured_twice(store: TenantModelStore) -> None:
    await store.create(model())
    with pytest.raises(AlreadyExists, match="a is configured"):
        await store.create(FULL)
    assert await store.list("local") == [model()]


async def test_a_change_keeps_what_it_does_not_touch_and_unknown_columns(
    store: TenantModelStore, tables: MemoryTables
) -> None:
    await store.create(FULL)
    row = await tables.get("authorization", "local", "model:a")
    assert row is not None
    await tables.put("authorization", replace(row, values={**row.values, "Future": 1}))
    assert await store.update("local", "a", preferred) == replace(FULL, priority=900)
    row = await tables.get("authorization", "local", "model:a")
    assert row is not None and (row.values["Future"], row.values["Priority"]) == (1, 900)


async def test_a_change_that_changes_nothing_writes_no_row(store: TenantModelStore, tables: MemoryTables) -> None:
    await store.create(FULL)
    before = await tables.list("authorization")
    assert await store.update("local", "a", lambda same: same) == FULL
    assert await tables.list("authorization") == before


async def test_what_is_not_there_is_said_to_be_missing(store: TenantModelStore) -> None:
    with pytest.raises(ModelNotFound, match="not configured for tenant 'local'"):
        await store.update("local", "a", preferred)
    with pytest.raises(NotFound, match="no tenant with the id 'gone'"):
        await store.create(model(tenant_id="gone"))
    assert await store.delete("local", "a") is False


async def test_a_new_default_takes_it_from_the_old_one(store: TenantModelStore) -> None:
    await store.create(model("a", is_default=True))
    await store.create(model("b", is_default=True))
    assert [each.is_default for each in await store.list("local")] == [False, True]
    await store.update("local", "a", default)
    assert [each.is_default for each in await store.list("local")] == [True, False]


async def test_two_defaults_made_by_hand_become_one(store: TenantModelStore, tables: MemoryTables) -> None:
    for name in "abc":
        await store.create(model(name))
        row = await tables.get("authorization", "local", f"model:{name}")
        assert row is not None
        await tables.put("authorization", replace(row, values={**row.values, "IsDefault": name != "c"}))
    await store.update("local", "c", default)
    assert [each.is_default for each in await store.list("local")] == [False, False, True]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.booleans(), max_size=40))
def test_two_that_become_the_default_in_any_order_leave_one(order: list[bool]) -> None:
    tables = MemoryTables()
    store = TenantModelStore(tables)

    async def made() -> None:
        await TenantStore(tables).create(tenant())
        for name in "ab":
            await store.create(model(name))

    asyncio.run(made())
    run_interleaved(store.update("local", "a", default), store.update("local", "b", default), order)
    assert sum(each.is_default for each in asyncio.run(store.list("local"))) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.booleans(), max_size=40))
def test_a_model_made_while_its_tenant_is_deleted_never_outlives_it(order: list[bool]) -> None:
    tables = MemoryTables()
    asyncio.run(TenantStore(tables).create(tenant()))

    async def configure() -> None:
        with contextlib.suppress(NotFound):
            await TenantModelStore(tables).create(model())

    run_interleaved(TenantStore(tables).delete("local"), configure(), order)
    assert asyncio.run(tables.list("authorization")) == []


async def test_a_deleted_tenant_takes_its_models_along(store: TenantModelStore, tables: MemoryTables) -> None:
    await store.create(model())
    await TenantStore(tables).delete("local")
    assert await tables.list("authorization") == []


async def test_a_writer_that_always_loses_is_a_conflict(pauses: list[int]) -> None:
    class Contested(MemoryTables):
        async def transact(self, table: str, **rows: object) -> Sequence[Row]:
            await self.put(table, Row("local", "tenant", {"Name": "Local", "CreatedAt": EPOCH}))
            return await super().transact(table, **rows)  # type: ignore[arg-type]

    contested = Contested()
    await TenantStore(contested).create(tenant())
    with pytest.raises(Conflict):
        await TenantModelStore(contested).create(model())
    assert pauses == list(range(TRIES))


async def test_a_row_that_can_not_be_read_counts_as_none_and_is_named_once(
    store: TenantModelStore, tables: MemoryTables, caplog: pytest.LogCaptureFixture
) -> None:
    await tables.put("authorization", Row("local", "model:a", {"Name": 5}))
    for _ in range(2):
        assert await store.list("local") == []
    (record,) = caplog.records
    assert record.getMessage().startswith("authorization row local/model:a: ")
    assert await store.create(model()) == model()
    assert await store.list("local") == [model()]


async def test_every_write_touches_the_revision_marker(store: TenantModelStore, tables: MemoryTables) -> None:
    markers = [await revision.current(tables)]
    writes: list[Callable[[], object]] = [
        lambda: store.create(model()),
        lambda: store.update("local", "a", preferred),
        lambda: store.update("local", "a", preferred),
        lambda: store.delete("local", "a"),
        lambda: store.delete("local", "a"),
    ]
    for write in writes:
        await write()  # type: ignore[misc]
        markers.append(await revision.current(tables))
    assert len(set(markers)) == 6


async def test_while_storage_is_down_every_call_says_so(store: TenantModelStore, tables: MemoryTables) -> None:
    tables.available = False
    for call in (
        store.list("local"),
        store.create(model()),
        store.update("local", "a", preferred),
        store.delete("local", "a"),
    ):
        with pytest.raises(StorageUnavailable):
            await call
