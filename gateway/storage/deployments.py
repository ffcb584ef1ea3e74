"""The deployment store: table `configuration`, one row for each deployment, its key sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from gateway.openai import operations
from gateway.registry.deployments import Deployment, class_operations
from gateway.storage import columns, optimistic, revision
from gateway.storage.columns import Unreadable
from gateway.storage.keys import KeyStore
from gateway.storage.rows import Row, Tables
from gateway.storage.seal import Seal, SealBroken

TABLE = "configuration"
SEALED = "EndpointKey"

COLUMNS = (
    columns.text("DeploymentName", "deployment_name", required=True),
    columns.text("ResourceName", "resource_name"),
    columns.flag("Active", "active"),
    columns.text("Provider", "provider"),
    columns.text("EndpointUrl", "endpoint_url"),
    columns.text("ApiVersion", "api_version"),
    columns.texts("Models", "models"),
    columns.texts("Operations", "operations"),
    columns.number("Weight", "weight"),
    columns.whole("Priority", "priority"),
    columns.text("Auth", "auth"),
    columns.text("KeyId", "key_id"),
    columns.text("Region", "region"),
    columns.tags("Tags", "tags"),
    columns.whole("Rpm", "rpm"),
    columns.whole("Tpm", "tpm"),
    columns.text("EndpointId", "endpoint_id"),
)

# So many rows are decoded between two looks at the loop: about a millisecond.
ROWS_AT_A_TIME = 50


class DeploymentStore:
    """Deployments at rest: PartitionKey is the class, RowKey the friendly name.

    A row that can't be read is left out and named once in the log. A row whose key can't be opened is answered without
    its key and as inactive, so that it is seen but never called; the row itself stays as it is and serves again when
    the encryption key is back, or when it gets a new key. One that names a stored key is answered with that key's
    value, and in the same way when there is none.

    keys: the stored keys.
    """

    def __init__(self, tables: Tables, seal: Seal) -> None:
        self.keys = KeyStore(tables, seal)
        self._tables = tables
        self._seal = seal
        self._complaints = columns.Complaints(TABLE)

    async def list(self) -> list[Deployment]:
        """Every deployment that can be read, by class and friendly name."""
        found = []
        rows = await self._tables.list(TABLE)
        # Read after the rows, so that the key of a deployment that was made meanwhile is there.
        keys = {key.id: key.value for key in await self.keys.list()}
        for count, row in enumerate(rows, start=1):
            deployment = self._stored(row)
            if deployment is not None:
                found.append(self._served(deployment, row, keys))
            if count % ROWS_AT_A_TIME == 0:
                await asyncio.sleep(0)
        return found

    async def read(self, deployment_class: str, friendly_name: str) -> Deployment | None:
        """One deployment; None when there is none, or none that can be read."""
        row = await self._tables.get(TABLE, deployment_class, friendly_name)
        if row is None:
            return None
        deployment = self._stored(row)
        return None if deployment is None else await self._with_key(deployment, row)

    async def upsert(
        self, deployment_class: str, friendly_name: str, change: Callable[[Deployment | None], Deployment]
    ) -> Deployment:
        """Store what `change` makes of the deployment (None: there is none that can be read), and answer it.

        `change` gets it without the value of a stored key. It may run several times. When it changes nothing, the row
        is not written, unless its key is sealed under an older encryption key. Raises Conflict,
        EncryptionNotConfigured, and whatever `change` raises.
        """

        def apply(row: Row | None) -> Row:
            before = None if row is None else self._stored(row)
            after = change(before)
            if row is None:
                row = Row(deployment_class, friendly_name)
            elif after == before and not self._is_outdated(row, after):
                return row
            merged = columns.values(COLUMNS, after, before, row.values)
            if before is None or after.endpoint_key != before.endpoint_key or self._is_outdated(row, after):
                merged.pop(SEALED, None)
                if after.endpoint_key is not None:
                    merged[SEALED] = self._seal.close(after.endpoint_key, _context(row))
            return replace(row, values=merged)

        row = await optimistic.update(self._tables, TABLE, deployment_class, friendly_name, apply)
        # Also when nothing was written: a writer that comes again because its first answer was lost may find the row
        # stored but the marker not touched.
        await revision.touch(self._tables)
        return await self._with_key(self._decode(row), row)

    async def delete(self, deployment_class: str, friendly_name: str) -> bool:
        """Remove a deployment; whether there was one."""
        deleted = await self._tables.delete(TABLE, deployment_class, friendly_name)
        await revision.touch(self._tables)
        return deleted

    def _is_outdated(self, row: Row, after: Deployment) -> bool:
        """Whether the row holds this deployment's key sealed under another encryption key than the current one."""
        sealed = row.values.get(SEALED)
        return after.endpoint_key is not None and sealed is not None and not self._seal.is_current(str(sealed))

    def _stored(self, row: Row) -> Deployment | None:
        try:
            return self._decode(row)
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; it is left out of the registry")
            return None

    def _decode(self, row: Row) -> Deployment:
        """What the row says, without its key when that can't be opened."""
        if row.partition not in operations.BY_CLASS:
            raise Unreadable("its PartitionKey is no deployment class")
        found = columns.fields(COLUMNS, row)
        # A newer version of the gateway may know operations that this one does not.
        enabled = found.pop("operations", class_operations(row.partition))
        return Deployment(
            deployment_class=row.partition,
            friendly_name=row.key,
            endpoint_key=self._open(row),
            operations=tuple(name for name in operations.BY_NAME if name in enabled),
            **found,
        )

    def _open(self, row: Row) -> str | None:
        sealed = row.values.get(SEALED)
        if sealed is None:
            return None
        try:
            return self._seal.open(str(sealed), _context(row))
        except SealBroken as fault:
            self._complaints.about(row, f"its {SEALED} can't be opened: {fault}; it counts as inactive")
            return None

    async def _with_key(self, deployment: Deployment, row: Row) -> Deployment:
        key = None if deployment.key_id is None else await self.keys.read(deployment.key_id)
        return self._served(deployment, row, {} if key is None else {key.id: key.value})

    def _served(self, deployment: Deployment, row: Row, keys: Mapping[str, str | None]) -> Deployment:
        """What may be called: not a deployment whose key is missing or can't be opened."""
        if deployment.key_id is not None and deployment.auth == "key":
            value = keys.get(deployment.key_id)
            if value is None:
                fault = f"its key {deployment.key_id!r} is not stored, or can't be opened"
                self._complaints.about(row, f"{fault}; it counts as inactive")
                return replace(deployment, active=False)
            return replace(deployment, endpoint_key=value)
        broken = SEALED in row.values and deployment.endpoint_key is None
        return replace(deployment, active=False) if broken else deployment


def _context(row: Row) -> str:
    """What a sealed key is bound to."""
    return f"{TABLE}/{row.partition}/{row.key}"
