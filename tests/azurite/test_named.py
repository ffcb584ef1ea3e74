"""Rows with an id and a name, and the secret of the ids, over a real table service."""

from __future__ import annotations

import asyncio

from gateway.storage.id_secret import id_secret
from gateway.storage.tables import AzureTables
from tests.named_conformance import NamedConformance


class TestNamedRows(NamedConformance):
    """The same suite as for the memory twin."""


async def test_instances_that_start_at_once_agree_on_one_secret(tables: AzureTables) -> None:
    await tables.delete("management", "registry", "id-secret")
    secrets = await asyncio.gather(*(id_secret(tables) for _ in range(5)))
    assert len(set(secrets)) == 1 and len(secrets[0]) == 32
    assert await id_secret(tables) == secrets[0]
