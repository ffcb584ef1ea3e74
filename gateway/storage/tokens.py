"""Management tokens: what an operator sends, and how the first one comes to be."""

from __future__ import annotations

import hmac
import logging
import re
import secrets

from gateway.errors import StorageUnavailable
from gateway.storage.rows import Row, RowChanged, RowExists, Tables

logger = logging.getLogger(__name__)

TABLE = "management"
PARTITION = "management"
# Makes the first token a race that one instance wins. Too short to be a token, so it can't be presented as one.
GUARD = "_first"

TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")


async def knows_management_token(tables: Tables, presented: str) -> bool:
    """Whether this is an active management token: one point read, none for what can't be a token."""
    if not TOKEN.fullmatch(presented):
        return False
    row = await tables.get(TABLE, PARTITION, presented)
    return row is not None and row.values.get("Active") is True and hmac.compare_digest(row.key, presented)


async def first_management_token(tables: Tables) -> str | None:
    """An active token, for the local run to print; None when there is none."""
    for row in await tables.list(TABLE, PARTITION):
        if TOKEN.fullmatch(row.key) and row.values.get("Active") is True:
            return row.key
    return None


async def ensure_management_token(tables: Tables) -> str | None:
    """Make the first token if there is no token row, active or not; None when there is one.

    Instances that start together all see an empty partition. The guard is written in the token's transaction, so one
    of them wins. A guard that outlived every token (an operator deleted the rows) is taken away in that transaction,
    which again only one of them can do.
    """
    rows = await tables.list(TABLE, PARTITION)
    if any(row.key != GUARD for row in rows):
        return None
    token = secrets.token_urlsafe(32)
    first = Row(PARTITION, token, {"Active": True})
    try:
        if rows:
            await tables.transact(TABLE, create=[first], delete=rows)
        else:
            await tables.transact(TABLE, create=[first, Row(PARTITION, GUARD)])
    except (RowExists, RowChanged):
        return None
    return token


class FirstToken:
    """The first-start work: sees to it, once, that there is a management token. Never raises."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._ensured = False
        self._failing = False

    async def ensure(self) -> None:
        """Make the first token if that is still to be done; what can't be done yet is tried again by the next call."""
        if self._ensured:
            return
        try:
            made = await ensure_management_token(self._tables)
        except StorageUnavailable as failure:
            if not self._failing:
                logger.warning("the first management token can't be made yet: %s", failure)
            self._failing = True
            return
        self._ensured, self._failing = True, False
        if made is not None:
            logger.info("the first management token was made; it is a row of table %s", TABLE)

    def forget(self) -> None:
        """Storage was replaced; what was ensured may be gone."""
        self._ensured = False
