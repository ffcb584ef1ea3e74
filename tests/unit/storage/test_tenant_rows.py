"""How tenants stand in their rows: limits in columns of their own, and a time zone that there is."""

from __future__ import annotations

from dataclasses import replace

from gateway.registry.limits import FIELDS
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.tenant_rows import LIMIT_COLUMNS, decode
from gateway.storage.tenants import TenantStore
from tests.builders import EPOCH, tenant
from tests.unit.storage.test_tenants import FULL


def test_every_limit_has_its_column() -> None:
    assert tuple(column.field for column in LIMIT_COLUMNS) == FIELDS
    assert [column.name for column in LIMIT_COLUMNS][:4] == ["Rpm", "Tpm", "MinuteCostLimit", "DailyRequestLimit"]


def test_a_row_of_an_older_version_is_a_tenant_without_limits_in_utc() -> None:
    assert decode(Row("local", "tenant", {"Name": "Local", "CreatedAt": EPOCH})) == tenant()


async def test_an_upsert_changes_one_limit_and_takes_another_away(tables: MemoryTables) -> None:
    store = TenantStore(tables)
    await store.create(FULL)
    after = replace(FULL, limits=replace(FULL.limits, rpm=None, daily_token_limit=5))
    assert await store.upsert("local", lambda _: after) == after
    assert await store.read("local") == after
    row = await tables.get("authorization", "local", "tenant")
    assert row is not None and "Rpm" not in row.values
