"""The store of tenant models: table `authorization`, in the partition of their tenant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.errors import AlreadyExists, ModelNotFound, NotFound
from gateway.registry.tenant_models import TenantModel
from gateway.storage import columns, optimistic, revision
from gateway.storage.columns import Unreadable
from gateway.storage.rows import Row, RowChanged, RowExists, Tables
from gateway.storage.tenant_rows import MODEL_PREFIX, TENANT, decode, model_values
from gateway.storage.tenants import TABLE


class TenantModelStore:
    """Tenant models at rest: PartitionKey is the tenant's id, RowKey `model:<the model's UUID in the catalog>`.

    A row that can't be read is left out, counts as none, and is named once in the log.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._complaints = columns.Complaints(TABLE)

    async def list(self, tenant_id: str) -> list[TenantModel]:
        """A tenant's models that can be read, by id."""
        models = [self._read(row) for row in await self._tables.list(TABLE, tenant_id)]
        return [model for model in models if model is not None]

    async def create(self, model: TenantModel) -> TenantModel:
        """Add a model to its tenant; NotFound when that is gone, AlreadyExists when it has the model. Raises Conflict.

        A default one takes that from the one that was it.
        """

        def created(before: TenantModel | None) -> TenantModel:
            if before is not None:
                raise AlreadyExists(f"The model {model.model_id} is configured for tenant {model.tenant_id!r} already.")
            return model

        return await self._write(model.tenant_id, model.model_id, created)

    async def update(self, tenant_id: str, model_id: str, change: Callable[[TenantModel], TenantModel]) -> TenantModel:
        """Store what `change` makes of the model, and answer it.

        A model that becomes the default takes that from the one that was it, in one transaction. `change` may run
        several times; when it changes nothing, nothing is written. Raises ModelNotFound, Conflict, NotFound when the
        tenant is gone, and whatever `change` raises.
        """

        def changed(before: TenantModel | None) -> TenantModel:
            if before is None:
                raise missing(tenant_id, model_id)
            return change(before)

        return await self._write(tenant_id, model_id, changed)

    async def delete(self, tenant_id: str, model_id: str) -> bool:
        """Take a model from its tenant; whether it had it."""
        deleted = await self._tables.delete(TABLE, tenant_id, MODEL_PREFIX + model_id)
        await revision.touch(self._tables)
        return deleted

    async def _write(
        self, tenant_id: str, model_id: str, change: Callable[[TenantModel | None], TenantModel]
    ) -> TenantModel:
        for attempt in range(optimistic.TRIES):
            rows = {row.key: row for row in await self._tables.list(TABLE, tenant_id)}
            if TENANT not in rows:
                raise NotFound(f"There is no tenant with the id {tenant_id!r}.")
            row = rows.get(MODEL_PREFIX + model_id)
            before = None if row is None else self._read(row)
            after = change(before)
            if after != before:
                # The tenant's own row is written over as it is: of two writers that know nothing of each other one
                # then starts over, so that there are never two defaults, nor a model without a tenant.
                rewritten = [rows[TENANT], *(self._others(rows, model_id) if after.is_default else ())]
                try:
                    if row is None:
                        made = Row(tenant_id, MODEL_PREFIX + model_id, model_values(after, None, {}))
                        await self._tables.transact(TABLE, create=[made], replace=rewritten)
                    else:
                        written = replace(row, values=model_values(after, before, row.values))
                        await self._tables.transact(TABLE, replace=[written, *rewritten])
                except (RowExists, RowChanged):
                    await optimistic.pause(attempt)
                    continue
            # Also when nothing was written, as in the store of tenants.
            await revision.touch(self._tables)
            return after
        raise optimistic.too_many_writers(tenant_id, MODEL_PREFIX + model_id)

    def _others(self, rows: dict[str, Row], model_id: str) -> Sequence[Row]:
        """The rows of the tenant's other defaults, as they are when they are it no more."""
        found = []
        for row in rows.values():
            model = self._read(row)
            if model is not None and model.is_default and model.model_id != model_id:
                after = replace(model, is_default=False)
                found.append(replace(row, values=model_values(after, model, row.values)))
        return found

    def _read(self, row: Row) -> TenantModel | None:
        if not row.key.startswith(MODEL_PREFIX):
            return None
        try:
            noun = decode(row)
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; it is left out of the tenant's models")
            return None
        return noun if isinstance(noun, TenantModel) else None


def missing(tenant_id: str, model_id: str) -> ModelNotFound:
    """The error of a model that a tenant does not have."""
    return ModelNotFound(f"The model {model_id} is not configured for tenant {tenant_id!r}.")
