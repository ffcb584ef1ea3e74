"""The revision marker: one row that every registry write touches, so that readers need one point read."""

from __future__ import annotations

import uuid

from gateway.storage.rows import Row, Tables

TABLE = "management"
PARTITION = "registry"
KEY = "revision"


async def touch(tables: Tables) -> None:
    """Say that the registry was written; to be called after the write, never before it."""
    await tables.put(TABLE, Row(PARTITION, KEY, {"Revision": uuid.uuid4().hex}))


async def current(tables: Tables) -> str | None:
    """The marker's version, to be compared for equality only; None when nothing was ever written."""
    row = await tables.get(TABLE, PARTITION, KEY)
    # An etag alone is as coarse as the storage's clock, and two writers may touch the marker in one tick of it.
    return None if row is None else f"{row.values.get('Revision')!r} {row.etag}"
