"""The endpoint store: table `endpoints`, one row for each endpoint, its models as JSON, and one for its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import msgspec

from gateway.errors import NotFound
from gateway.openai import operations
from gateway.registry.endpoints import Endpoint, EndpointModel, Status
from gateway.storage import columns, outbox, revision
from gateway.storage.columns import Column, Unreadable
from gateway.storage.named import NamedRows
from gateway.storage.rows import Row, Tables, Value

TABLE = "endpoints"
KIND = "endpoint"


def _one_of(known: tuple[str, ...]) -> Callable[[Value], Any]:
    def read(value: Value) -> Value:
        if value not in known:
            raise ValueError
        return value

    return read


def _read_models(value: Value) -> tuple[EndpointModel, ...]:
    models = msgspec.json.decode(str(value), type=tuple[EndpointModel, ...])
    if any(each.weight < 0 for each in models):
        raise ValueError
    return models


def _write_models(models: tuple[EndpointModel, ...]) -> str:
    return msgspec.json.encode(models).decode()


COLUMNS = (
    columns.text("Name", "name", required=True),
    Column("EndpointType", "endpoint_type", _one_of(tuple(operations.BY_NAME)), str, required=True),
    Column("Models", "models", _read_models, _write_models, required=True),
    Column("Status", "status", _one_of(get_args(Status)), str),
    columns.flag("PromptAffinity", "prompt_affinity"),
    columns.moment("CreatedAt", "created_at", required=True),
    columns.moment("UpdatedAt", "updated_at", required=True),
    columns.moment("StartedAt", "started_at"),
    columns.moment("StoppedAt", "stopped_at"),
)


class EndpointStore:
    """Endpoints at rest. A row that can't be read is left out, counts as none, and is named once in the log.

    Start and stop are events, in the outbox of the same partition, if `wanted` has their type.
    """

    def __init__(self, tables: Tables, wanted: Callable[[], frozenset[str]] = frozenset) -> None:
        self._tables = tables
        self._wanted = wanted
        self._rows = NamedRows(tables, TABLE, KIND)
        self._complaints = columns.Complaints(TABLE)

    async def list(self) -> list[Endpoint]:
        """Every endpoint that can be read, by id."""
        found = [self._read(row) for row in await self._rows.list()]
        return [endpoint for endpoint in found if endpoint is not None]

    async def read(self, endpoint_id: str) -> Endpoint | None:
        """One endpoint; None when there is none, or none that can be read."""
        row = await self._rows.get(endpoint_id)
        return None if row is None else self._read(row)

    async def find(self, name: str) -> Endpoint | None:
        """The endpoint of a name; None when there is none, or none that can be read."""
        row = await self._rows.find(name)
        return None if row is None else self._read(row)

    async def create(self, endpoint: Endpoint) -> None:
        """Add an endpoint. Raises AlreadyExists when its name is taken, and Conflict."""
        await self._rows.create(endpoint.id, columns.values(COLUMNS, endpoint, None, {}))
        await revision.touch(self._tables)

    async def update(self, endpoint_id: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
        """Store what `change` makes of the endpoint, and answer it.

        `change` may run several times; when it changes nothing, nothing is written. Raises NotFound, AlreadyExists when
        the new name is taken, Conflict, and whatever `change` raises.
        """

        before: Endpoint
        after: Endpoint

        def apply(row: Row) -> Row:
            nonlocal before, after
            before = self._required(row, endpoint_id)
            after = change(before)
            if after == before:
                return row
            return replace(row, values=columns.values(COLUMNS, after, before, row.values))

        row = await self._rows.update(endpoint_id, apply, lambda: self._events(before, after))
        # Also when nothing was written: a writer that comes again because its first answer was lost may find the row
        # stored but the marker not touched.
        await revision.touch(self._tables)
        return self._required(row, endpoint_id)

    async def delete(self, endpoint_id: str, check: Callable[[Endpoint], None]) -> None:
        """Remove an endpoint, unless it can be read and `check` raises. Raises NotFound and Conflict too."""

        def check_row(row: Row) -> None:
            endpoint = self._read(row)
            if endpoint is not None:
                check(endpoint)

        deleted = await self._rows.delete(endpoint_id, check_row)
        await revision.touch(self._tables)
        if not deleted:
            raise missing(endpoint_id)

    def _events(self, before: Endpoint, after: Endpoint) -> Sequence[Row]:
        happened = "endpoint.started" if after.status == "running" else "endpoint.stopped"
        if after.status == before.status or happened not in self._wanted():
            return ()
        data = {"endpoint_id": after.id, "name": after.name, "endpoint_type": after.endpoint_type}
        return [outbox.row(KIND, outbox.new_event(happened, after.updated_at, data))]

    def _required(self, row: Row | None, endpoint_id: str) -> Endpoint:
        endpoint = None if row is None else self._read(row)
        if endpoint is None:
            raise missing(endpoint_id)
        return endpoint

    def _read(self, row: Row) -> Endpoint | None:
        try:
            return Endpoint(id=self._rows.id_of(row), **columns.fields(COLUMNS, row))
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; it is left out of the registry")
            return None


def missing(endpoint_id: str) -> NotFound:
    """The error of an id that no endpoint has."""
    return NotFound(f"There is no endpoint with the id {endpoint_id!r}.")
