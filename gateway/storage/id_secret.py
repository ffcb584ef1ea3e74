"""The registry's secret: what the ids of things that live at one deployment are sealed with, on every instance."""

from __future__ import annotations

import secrets

from gateway.storage import optimistic
from gateway.storage.revision import PARTITION, TABLE
from gateway.storage.rows import Row, Tables

KEY = "id-secret"
COLUMN = "Secret"
LENGTH = 32


async def id_secret(tables: Tables) -> bytes:
    """The secret, made by the first instance that asks for it.

    Without the row, or with one that holds no such secret, a new one is made, and ids that were issued before are no
    longer known.
    """
    row = await optimistic.update(tables, TABLE, PARTITION, KEY, _kept_or_made)
    secret = row.values[COLUMN]
    assert isinstance(secret, bytes)
    return secret


def _kept_or_made(row: Row | None) -> Row:
    held = None if row is None else row.values.get(COLUMN)
    if row is not None and isinstance(held, bytes) and len(held) == LENGTH:
        return row
    made = {COLUMN: secrets.token_bytes(LENGTH)}
    return Row(PARTITION, KEY, made) if row is None else Row(PARTITION, KEY, made, row.etag)
