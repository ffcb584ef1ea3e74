"""The deployment store: what is written, what is read back, what survives."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import EncryptionNotConfigured, StorageUnavailable
from gateway.registry.deployments import Deployment
from gateway.storage import revision
from gateway.storage.deployments import COLUMNS, DeploymentStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.seal import Seal
from tests.builders import deployment
from tests.unit.storage.changes import CHAT, NEW, becoming, hand_made, row_of, with_fields
from tests.unit.storage.test_optimistic import run_interleaved

FULL = deployment(
    "east",
    active=False,
    provider="openai",
    endpoint_url="https://example.com/prefix",
    api_version="2024-10-21",
    models=("gpt-4o", "ft:gpt-4o:org::id"),
    operations=("chat", "embedding"),
    weight=0.5,
    priority=2,
    auth="managed_identity",
    key_id="k1",
    region="westeurope",
    tags={"team": "東京"},
    rpm=600,
    tpm=10**12,
)


@pytest.fixture
def store(tables: MemoryTables) -> DeploymentStore:
    return DeploymentStore(tables, Seal.from_setting(NEW))


async def test_every_field_comes_back_as_it_was(store: DeploymentStore) -> None:
    assert await store.upsert(CHAT, "east", becoming(FULL)) == FULL
    assert await store.read(CHAT, "east") == FULL
    assert await store.list() == [FULL]


async def test_the_row_has_a_column_for_each_field_and_its_key_is_sealed(
    store: DeploymentStore, tables: MemoryTables
) -> None:
    await store.upsert(CHAT, "east", becoming(FULL))
    row = await row_of(tables)
    sealed = str(row.values["EndpointKey"])
    assert dict(row.values) == {
        "DeploymentName": "east-gpt",
        "EndpointKey": sealed,
        "ResourceName": "east",
        "Active": False,
        "Provider": "openai",
        "EndpointUrl": "https://example.com/prefix",
        "ApiVersion": "2024-10-21",
        "Models": '["gpt-4o","ft:gpt-4o:org::id"]',
        "Operations": '["chat","embedding"]',
        "Weight": 0.5,
        "Priority": 2,
        "Auth": "managed_identity",
        "KeyId": "k1",
        "Region": "westeurope",
        "Tags": json.dumps({"team": "東京"}, separators=(",", ":")),
        "Rpm": 600,
        "Tpm": 10**12,
    }
    assert Seal.from_setting(NEW).open(sealed, "configuration/openai-chat/east") == "key-of-east"


def test_every_field_that_is_a_deployments_own_has_a_column() -> None:
    elsewhere = {"deployment_class", "friendly_name", "endpoint_key", "defaults", "id"}
    assert {each.field for each in COLUMNS} == {each.name for each in fields(Deployment)} - elsewhere


async def test_deployments_are_listed_by_class_and_name(store: DeploymentStore) -> None:
    for deployment_class, name in ((CHAT, "b"), (CHAT, "a"), ("openai-embeddings", "a"), ("openai-completions", "z")):
        await store.upsert(deployment_class, name, becoming(deployment(name, deployment_class=deployment_class)))
    assert [each.id for each in await store.list()] == [
        "openai-chat/a",
        "openai-chat/b",
        "openai-completions/z",
        "openai-embeddings/a",
    ]


async def test_there_is_none_that_was_never_stored(store: DeploymentStore) -> None:
    assert await store.read(CHAT, "east") is None
    assert await store.list() == []
    assert await store.delete(CHAT, "east") is False


async def test_a_deleted_deployment_is_gone(store: DeploymentStore) -> None:
    await store.upsert(CHAT, "east", becoming(FULL))
    assert await store.delete(CHAT, "east") is True
    assert await store.read(CHAT, "east") is None


async def test_an_upsert_that_changes_nothing_leaves_the_row_alone(
    store: DeploymentStore, tables: MemoryTables
) -> None:
    await store.upsert(CHAT, "east", becoming(FULL))
    before = await row_of(tables)
    assert await store.upsert(CHAT, "east", becoming(FULL)) == FULL
    assert await row_of(tables) == before


async def test_every_write_touches_the_revision_marker_also_one_that_comes_again(
    store: DeploymentStore, tables: MemoryTables
) -> None:
    markers = [await revision.current(tables)]
    for _ in range(2):
        await store.upsert(CHAT, "east", becoming(FULL))
        markers.append(await revision.current(tables))
    for _ in range(2):
        await store.delete(CHAT, "east")
        markers.append(await revision.current(tables))
    assert len(set(markers)) == 5


async def test_a_write_touches_the_marker_after_the_row_and_never_before(tables: MemoryTables) -> None:
    class Watching(MemoryTables):
        async def put(self, table: str, row: Row) -> Row:
            seen.append(len(await self.list("configuration")))
            return await super().put(table, row)

    seen: list[int] = []
    store = DeploymentStore(Watching(), Seal.from_setting(NEW))
    await store.upsert(CHAT, "east", becoming(FULL))
    await store.delete(CHAT, "east")
    assert seen == [1, 0]


async def test_without_an_encryption_key_a_secret_is_refused_and_nothing_is_stored(tables: MemoryTables) -> None:
    store = DeploymentStore(tables, Seal.from_setting(None))
    with pytest.raises(EncryptionNotConfigured):
        await store.upsert(CHAT, "east", becoming(deployment("east")))
    assert await tables.list("configuration") == []
    assert await tables.list("management") == []


async def test_without_an_encryption_key_a_deployment_without_a_secret_is_stored(tables: MemoryTables) -> None:
    store = DeploymentStore(tables, Seal.from_setting(None))
    keyless = deployment("east", endpoint_key=None, auth="managed_identity")
    assert await store.upsert(CHAT, "east", becoming(keyless)) == keyless
    assert "EndpointKey" not in (await row_of(tables)).values


async def test_a_key_that_is_taken_away_leaves_the_row(store: DeploymentStore, tables: MemoryTables) -> None:
    await store.upsert(CHAT, "east", becoming(FULL))
    await store.upsert(CHAT, "east", with_fields(endpoint_key=None))
    assert "EndpointKey" not in (await row_of(tables)).values
    assert await store.read(CHAT, "east") == replace(FULL, endpoint_key=None)


async def test_an_upsert_of_other_fields_keeps_the_sealed_text_as_it_is(
    store: DeploymentStore, tables: MemoryTables
) -> None:
    await store.upsert(CHAT, "east", becoming(FULL))
    sealed = (await row_of(tables)).values["EndpointKey"]
    await store.upsert(CHAT, "east", with_fields(weight=4.0))
    assert (await row_of(tables)).values["EndpointKey"] == sealed


async def test_a_sealed_key_moved_to_another_row_does_not_open_there(
    store: DeploymentStore, tables: MemoryTables
) -> None:
    await store.upsert(CHAT, "east", becoming(deployment("east")))
    await tables.put("configuration", replace(await row_of(tables), key="evil"))
    evil = await store.read(CHAT, "evil")
    assert evil is not None
    assert (evil.endpoint_key, evil.active) == (None, False)


async def test_changes_of_different_fields_at_once_all_survive(store: DeploymentStore) -> None:
    await store.upsert(CHAT, "east", becoming(deployment("east")))
    changes: list[dict[str, object]] = [{"weight": 9.0}, {"rpm": 5}, {"active": False}, {"endpoint_key": "new"}]
    await asyncio.gather(*(store.upsert(CHAT, "east", with_fields(**fields)) for fields in changes))
    assert await store.read(CHAT, "east") == deployment("east", weight=9.0, rpm=5, active=False, endpoint_key="new")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.booleans(), max_size=30))
def test_two_upserts_of_different_fields_both_survive_in_every_order(order: list[bool]) -> None:
    store = DeploymentStore(MemoryTables(), Seal.from_setting(NEW))
    run_interleaved(
        store.upsert(CHAT, "east", with_fields(weight=9.0)),
        store.upsert(CHAT, "east", with_fields(endpoint_key="new")),
        order,
    )
    assert asyncio.run(store.read(CHAT, "east")) == deployment("east", weight=9.0, endpoint_key="new")


async def test_while_storage_is_down_every_call_says_so(store: DeploymentStore, tables: MemoryTables) -> None:
    tables.available = False
    for call in (
        store.list(),
        store.read(CHAT, "east"),
        store.upsert(CHAT, "east", becoming(FULL)),
        store.delete(CHAT, "east"),
    ):
        with pytest.raises(StorageUnavailable):
            await call


async def test_a_long_list_lets_the_loop_run_in_between(store: DeploymentStore, tables: MemoryTables) -> None:
    for number in range(500):
        await hand_made(tables, f"d{number}")
    turns = 0
    listing = asyncio.ensure_future(store.list())
    while not listing.done():
        turns += 1
        await asyncio.sleep(0)
    assert len(listing.result()) == 500
    assert turns >= 10
