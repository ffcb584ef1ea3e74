"""Deployment rows that another version of the gateway, or a hand, has written."""

from __future__ import annotations

import pytest

from gateway.registry.deployments import Deployment
from gateway.storage.deployments import DeploymentStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Value
from gateway.storage.seal import Seal
from tests.builders import deployment
from tests.unit.storage.changes import CHAT, NEW, becoming, hand_made, row_of, with_fields

EAST = deployment("east")


@pytest.fixture
def store(tables: MemoryTables) -> DeploymentStore:
    return DeploymentStore(tables, Seal.from_setting(NEW))


async def test_a_row_from_before_a_field_existed_gets_its_default(store: DeploymentStore, tables: MemoryTables) -> None:
    await hand_made(tables, partition="openai-embeddings")
    assert await store.read("openai-embeddings", "east") == Deployment(
        deployment_class="openai-embeddings", friendly_name="east", deployment_name="gpt", operations=("embedding",)
    )


async def test_operations_of_a_newer_version_are_passed_over_and_kept(
    store: DeploymentStore, tables: MemoryTables
) -> None:
    await hand_made(tables, Operations='["telepathy","chat"]')
    assert (await store.list())[0].operations == ("chat",)
    await store.upsert(CHAT, "east", with_fields(weight=2.0))
    assert (await row_of(tables)).values["Operations"] == '["telepathy","chat"]'


async def test_unknown_columns_are_ignored_and_survive_an_update(store: DeploymentStore, tables: MemoryTables) -> None:
    await hand_made(tables, Future="kept", Weight=3)
    assert (await store.upsert(CHAT, "east", with_fields(active=False))).weight == 3.0
    assert (await row_of(tables)).values["Future"] == "kept"


@pytest.mark.parametrize(
    ("partition", "values"),
    [
        ("openai-telepathy", {}),
        (CHAT, {"Models": "garbage"}),
        (CHAT, {"Active": "yes"}),
        (CHAT, {"DeploymentName": 5}),
    ],
)
async def test_a_row_that_can_not_be_read_is_left_out_and_named_once(
    store: DeploymentStore,
    tables: MemoryTables,
    caplog: pytest.LogCaptureFixture,
    partition: str,
    values: dict[str, Value],
) -> None:
    await store.upsert(CHAT, "west", becoming(deployment("west")))
    await hand_made(tables, "bad", partition, **{"EndpointKey": "s3cret", **values})
    for _ in range(3):
        assert [each.friendly_name for each in await store.list()] == ["west"]
        assert await store.read(partition, "bad") is None
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
        f"configuration row {partition}/bad"
    ]
    assert "s3cret" not in caplog.text


async def test_a_row_that_can_not_be_read_is_mended_by_an_upsert_and_removed_by_a_delete(
    store: DeploymentStore, tables: MemoryTables
) -> None:
    await hand_made(tables, Models="garbage", EndpointKey="garbage", Future="kept")
    assert await store.upsert(CHAT, "east", becoming(EAST)) == EAST
    assert (await row_of(tables)).values["Future"] == "kept"
    await hand_made(tables, Models="garbage")
    assert await store.delete(CHAT, "east") is True
