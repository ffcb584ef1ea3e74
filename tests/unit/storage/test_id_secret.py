"""The secret of the ids: made once, the same on every instance."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import StorageUnavailable
from gateway.storage.id_secret import id_secret
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row, Value
from tests.builders import endpoint, member
from tests.unit.storage.house import House


async def test_it_is_made_once(tables: MemoryTables) -> None:
    secret = await id_secret(tables)
    assert len(secret) == 32
    assert await id_secret(tables) == secret


async def test_instances_that_start_at_once_agree(tables: MemoryTables) -> None:
    assert len(set(await asyncio.gather(*(id_secret(tables) for _ in range(5))))) == 1


@pytest.mark.parametrize("held", [None, "text", b"short"])
async def test_a_row_without_a_secret_gets_one(tables: MemoryTables, held: Value | None) -> None:
    values = {} if held is None else {"Secret": held}
    await tables.put("management", Row("management", "unrelated", {}))
    await tables.put("management", Row("registry", "id-secret", values))
    secret = await id_secret(tables)
    assert len(secret) == 32 and await id_secret(tables) == secret


async def test_an_outage_is_an_outage(tables: MemoryTables) -> None:
    tables.available = False
    with pytest.raises(StorageUnavailable):
        await id_secret(tables)


async def test_the_snapshot_has_the_secret_and_the_endpoints(house: House) -> None:
    made = endpoint("support", member("east"))
    await house.endpoints.create(made)
    await house.registry.refresh()
    (snapshot,) = house.swapped
    assert snapshot.id_secret == await id_secret(house.tables)
    assert snapshot.endpoints == {"support": made}
    assert snapshot.id_secret.hex() not in repr(snapshot) and str(snapshot.id_secret) not in repr(snapshot)


async def test_a_change_of_an_endpoint_is_seen_by_the_next_refresh_of_another_instance(house: House) -> None:
    await house.registry.refresh()
    other = House(house.tables)
    await other.endpoints.create(endpoint("support"))
    assert await house.registry.refresh() is True
    assert list(house.swapped[-1].endpoints) == ["support"]
    await other.endpoints.delete("id-of-support", lambda _: None)
    await house.registry.refresh()
    assert house.swapped[-1].endpoints == {}
    assert house.swapped[-1].id_secret == house.swapped[0].id_secret
