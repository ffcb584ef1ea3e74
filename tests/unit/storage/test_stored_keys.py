"""Deployments that name a stored key: served with its value as it is now, and not at all without one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.registry.deployments import Deployment
from gateway.registry.keys import Key
from gateway.storage.deployments import DeploymentStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from tests.builders import EPOCH, deployment
from tests.unit.storage.changes import CHAT, becoming, row_of, with_fields
from tests.unit.storage.house import House

KEY = Key(id="k1", name="production", provider="azure", value="s3cret", created_at=EPOCH, updated_at=EPOCH)
EAST = deployment("east", endpoint_key=None, key_id="k1")
SERVED = replace(EAST, endpoint_key="s3cret")


@pytest.fixture
async def store(house: House) -> DeploymentStore:
    await house.deployments.keys.create(KEY)
    return house.deployments


async def test_a_deployment_is_answered_with_the_value_of_its_key_which_it_does_not_store(
    store: DeploymentStore, tables: MemoryTables
) -> None:
    seen: list[Deployment | None] = []

    def change(before: Deployment | None) -> Deployment:
        seen.append(before)
        return EAST

    for _ in range(2):
        assert await store.upsert(CHAT, "east", change) == SERVED
    assert seen == [None, EAST]
    assert await store.read(CHAT, "east") == SERVED
    assert await store.list() == [SERVED]
    assert "EndpointKey" not in (await row_of(tables)).values


async def test_a_rotated_key_is_used_by_the_next_refresh_of_every_instance(
    house: House, store: DeploymentStore
) -> None:
    await store.upsert(CHAT, "east", becoming(EAST))
    other = House(house.tables)
    await other.registry.refresh()
    await store.keys.update("k1", lambda key: replace(key, value="newer"))
    assert await other.registry.refresh() is True
    assert [each.deployments for each in other.swapped] == [(SERVED,), (replace(SERVED, endpoint_key="newer"),)]


async def test_a_deployment_whose_key_is_gone_is_listed_inactive_and_named_once(
    store: DeploymentStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.upsert(CHAT, "east", becoming(EAST))
    await store.keys.delete("k1")
    for _ in range(3):
        assert await store.list() == [replace(EAST, active=False)]
        assert await store.read(CHAT, "east") == replace(EAST, active=False)
    assert [record.getMessage() for record in caplog.records] == [
        "configuration row openai-chat/east: its key 'k1' is not stored, or can't be opened; it counts as inactive"
    ]


async def test_a_change_meanwhile_does_not_store_that_it_counts_as_inactive(store: DeploymentStore) -> None:
    await store.upsert(CHAT, "east", becoming(EAST))
    await store.keys.delete("k1")
    await store.upsert(CHAT, "east", with_fields(weight=2.0))
    await store.keys.create(KEY)
    assert await store.list() == [replace(SERVED, weight=2.0)]


async def test_a_key_whose_value_can_not_be_opened_is_no_key(store: DeploymentStore, tables: MemoryTables) -> None:
    await store.upsert(CHAT, "east", becoming(EAST))
    row = await tables.get("keys", "key", "key:k1")
    assert row is not None
    await tables.put("keys", replace(row, values={**row.values, "Value": "plain"}))
    assert await store.list() == [replace(EAST, active=False)]


async def test_a_deployment_that_calls_as_managed_identity_needs_no_key(store: DeploymentStore) -> None:
    await store.keys.delete("k1")
    identity = replace(EAST, auth="managed_identity")
    assert await store.upsert(CHAT, "east", becoming(identity)) == identity


async def test_a_key_that_is_made_while_the_list_is_read_is_found(house: House) -> None:
    class Racing(MemoryTables):
        async def list(self, table: str, partition: str | None = None) -> list[Row]:
            rows = await super().list(table, partition)
            if table == "configuration" and self.calls["list"] == 1:
                racing = House(self).deployments
                await racing.keys.create(KEY)
            return rows

    tables = Racing()
    await House(tables).deployments.upsert(CHAT, "east", becoming(EAST))
    assert await House(tables).deployments.list() == [SERVED]


async def test_a_deployment_of_an_endpoint_comes_back_with_it(store: DeploymentStore) -> None:
    own = replace(EAST, endpoint_id="e1")
    assert await store.upsert(CHAT, "east", becoming(own)) == replace(own, endpoint_key="s3cret")
