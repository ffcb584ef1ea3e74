"""The tenant store: table `authorization`, a tenant, its API keys and its models in one partition."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from gateway.errors import Conflict, NotFound
from gateway.registry.tenant_models import TenantModel
from gateway.registry.tenants import ApiKey, Tenant
from gateway.storage import columns, optimistic, revision
from gateway.storage.columns import Unreadable
from gateway.storage.rows import Row, RowChanged, RowExists, Tables
from gateway.storage.tenant_rows import KEY_PREFIX, TENANT, decode, key_values, tenant_values

TABLE = "authorization"

# So many rows are decoded between two looks at the loop: about a millisecond.
ROWS_AT_A_TIME = 100
# What Azure Tables takes at once.
ROWS_IN_A_TRANSACTION = 100


class TenantStore:
    """Tenants and their API keys at rest: PartitionKey is the tenant's id, RowKey `tenant` or `key:<public id>`.

    The tenant's models are rows of the same partition, which gateway/storage/tenant_models.py writes. A row that can't
    be read is left out and named once in the log.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._complaints = columns.Complaints(TABLE)

    async def keys(self, tenant_id: str) -> list[ApiKey]:
        """A tenant's keys that can be read, by id."""
        nouns = [self._read(row) for row in await self._tables.list(TABLE, tenant_id)]
        return [noun for noun in nouns if isinstance(noun, ApiKey)]

    async def list(self) -> tuple[list[Tenant], list[ApiKey], list[TenantModel]]:
        """Every tenant, every key and every tenant model that can be read."""
        tenants: list[Tenant] = []
        keys: list[ApiKey] = []
        models: list[TenantModel] = []
        for count, row in enumerate(await self._tables.list(TABLE), start=1):
            noun = self._read(row)
            if isinstance(noun, Tenant):
                tenants.append(noun)
            elif isinstance(noun, ApiKey):
                keys.append(noun)
            elif noun is not None:
                models.append(noun)
            if count % ROWS_AT_A_TIME == 0:
                await asyncio.sleep(0)
        return tenants, keys, models

    async def read(self, tenant_id: str) -> Tenant | None:
        """One tenant; None when there is none, or none that can be read."""
        return self._tenant(await self._tables.get(TABLE, tenant_id, TENANT))

    async def create(self, tenant: Tenant) -> Tenant:
        """Add a tenant; Conflict if its id is taken."""
        row = Row(tenant.id, TENANT, tenant_values(tenant, None, {}))
        await self._create(row, f"A tenant with the id {tenant.id!r} exists already.")
        return tenant

    async def upsert(self, tenant_id: str, change: Callable[[Tenant | None], Tenant]) -> Tenant:
        """Store what `change` makes of the tenant (None: there is none that can be read), and answer it.

        `change` may run several times; when it changes nothing, the row is not written. Raises Conflict, and whatever
        `change` raises.
        """

        result: Tenant

        def apply(row: Row | None) -> Row:
            nonlocal result
            before = self._tenant(row)
            result = change(before)
            if row is None:
                row = Row(tenant_id, TENANT)
            elif result == before:
                return row
            return replace(row, values=tenant_values(result, before, row.values))

        await optimistic.update(self._tables, TABLE, tenant_id, TENANT, apply)
        # Also when nothing was written: a writer that comes again because its first answer was lost may find the row
        # stored but the marker not touched.
        await revision.touch(self._tables)
        return result

    async def delete(self, tenant_id: str) -> bool:
        """Remove a tenant, all its keys and all its models, its own row last; whether there was one.

        The partition is read again until it is empty, so that a key made meanwhile does not outlive its tenant.
        Raises Conflict when other writers changed it again and again.
        """
        existed = False
        for attempt in range(optimistic.TRIES):
            rows = await self._tables.list(TABLE, tenant_id)
            if not rows:
                await revision.touch(self._tables)
                return existed
            rows.sort(key=lambda row: row.key == TENANT)
            try:
                for start in range(0, len(rows), ROWS_IN_A_TRANSACTION):
                    await self._tables.transact(TABLE, delete=rows[start : start + ROWS_IN_A_TRANSACTION])
            except RowChanged:
                await optimistic.pause(attempt)
                continue
            existed = existed or rows[-1].key == TENANT
        raise optimistic.too_many_writers(TABLE, tenant_id)

    async def create_key(self, key: ApiKey) -> ApiKey:
        """Add a key to its tenant; NotFound if that is gone, Conflict if the key's id is taken."""
        row = Row(key.tenant_id, KEY_PREFIX + key.id, key_values(key))
        await self._create(row, f"An API key with the id {key.id!r} exists already.")
        # Looked at after the write: either this sees that the tenant is gone, or its deletion sees the key.
        if await self._tables.get(TABLE, key.tenant_id, TENANT) is None:
            await self._tables.delete(TABLE, row.partition, row.key)
            raise NotFound(f"There is no tenant with the id {key.tenant_id!r}.")
        return key

    async def delete_key(self, tenant_id: str, key_id: str) -> bool:
        """Remove a key; whether there was one."""
        deleted = await self._tables.delete(TABLE, tenant_id, KEY_PREFIX + key_id)
        await revision.touch(self._tables)
        return deleted

    async def _create(self, row: Row, taken: str) -> None:
        try:
            await self._tables.create(TABLE, row)
        except RowExists:
            raise Conflict(taken) from None
        await revision.touch(self._tables)

    def _tenant(self, row: Row | None) -> Tenant | None:
        noun = None if row is None else self._read(row)
        return noun if isinstance(noun, Tenant) else None

    def _read(self, row: Row) -> Tenant | ApiKey | TenantModel | None:
        try:
            return decode(row)
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; it is left out of the registry")
            return None
