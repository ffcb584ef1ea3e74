"""Tenants with limits and their models over a real table service: its transactions leave one default."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gateway.registry.tenant_models import TenantModel
from gateway.storage.tables import AzureTables
from gateway.storage.tenant_models import TenantModelStore
from gateway.storage.tenants import TenantStore
from tests.unit.storage.test_tenant_models import FULL, default, model
from tests.unit.storage.test_tenants import FULL as TENANT


async def test_models_come_back_as_they_were_and_go_with_their_tenant(tables: AzureTables) -> None:
    tenants, models = TenantStore(tables), TenantModelStore(tables)
    await tenants.create(TENANT)
    await models.create(FULL)
    assert (await tenants.read("local"), await models.list("local")) == (TENANT, [FULL])
    changed = await models.update("local", "a", lambda before: replace(before, priority=7))
    assert (await tenants.list())[2] == [changed] == [replace(FULL, priority=7)]
    assert await tenants.delete("local")
    assert await tenants.list() == ([], [], [])


async def test_of_many_that_become_the_default_at_once_one_is_it(tables: AzureTables) -> None:
    await TenantStore(tables).create(TENANT)
    names = "abcd"

    async def change(name: str) -> TenantModel:
        store = TenantModelStore(tables)
        await store.create(model(name))
        return await store.update("local", name, default)

    assert all(each.is_default for each in await asyncio.gather(*map(change, names)))
    stored = await TenantModelStore(tables).list("local")
    assert (len(stored), sum(each.is_default for each in stored)) == (4, 1)
