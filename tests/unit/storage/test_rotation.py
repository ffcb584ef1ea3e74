"""Rotation of the encryption key: what happens to sealed keys while it lasts, and when it goes wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.registry.deployments import Deployment
from gateway.storage.deployments import DeploymentStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row, Value
from gateway.storage.seal import Seal
from tests.builders import deployment
from tests.unit.storage.changes import CHAT, NEW, OLD, with_fields

EAST = deployment("east")


def under(tables: MemoryTables, setting: str | None) -> DeploymentStore:
    """A gateway started with this encryption key."""
    return DeploymentStore(tables, Seal.from_setting(setting))


def unchanged(before: Deployment | None) -> Deployment:
    assert before is not None
    return before


async def sealed(tables: MemoryTables) -> str:
    row = await tables.get("configuration", CHAT, "east")
    assert row is not None
    return str(row.values["EndpointKey"])


@pytest.fixture
async def rotating(tables: MemoryTables) -> MemoryTables:
    """A deployment that was stored under the old key."""
    await under(tables, OLD).upsert(CHAT, "east", lambda _: EAST)
    return tables


async def test_with_both_keys_a_deployment_serves_on(rotating: MemoryTables) -> None:
    assert await under(rotating, f"{NEW},{OLD}").list() == [EAST]


async def test_an_upsert_that_changes_nothing_seals_under_the_new_key_once(rotating: MemoryTables) -> None:
    store = under(rotating, f"{NEW},{OLD}")
    assert await store.upsert(CHAT, "east", unchanged) == EAST
    first = await sealed(rotating)
    assert Seal.from_setting(NEW).is_current(first)
    await store.upsert(CHAT, "east", unchanged)
    assert await sealed(rotating) == first
    assert await under(rotating, NEW).list() == [EAST]


async def test_an_upsert_of_another_field_seals_under_the_new_key_too(rotating: MemoryTables) -> None:
    await under(rotating, f"{NEW},{OLD}").upsert(CHAT, "east", with_fields(weight=2.0))
    assert await under(rotating, NEW).list() == [replace(EAST, weight=2.0)]


@pytest.mark.parametrize("setting", [NEW, None])
async def test_a_key_that_can_not_be_opened_makes_its_deployment_inactive_and_is_named_once(
    rotating: MemoryTables, caplog: pytest.LogCaptureFixture, setting: str | None
) -> None:
    store = under(rotating, setting)
    for _ in range(3):
        assert await store.list() == [replace(EAST, endpoint_key=None, active=False)]
        assert await store.read(CHAT, "east") == replace(EAST, endpoint_key=None, active=False)
    (record,) = caplog.records
    assert record.getMessage().startswith("configuration row openai-chat/east: its EndpointKey can't be opened")


async def test_its_row_stays_as_it_is_and_serves_again_when_the_key_is_back(rotating: MemoryTables) -> None:
    before = await sealed(rotating)
    broken = under(rotating, NEW)
    await broken.upsert(CHAT, "east", unchanged)
    await broken.upsert(CHAT, "east", with_fields(weight=2.0))
    assert await sealed(rotating) == before
    assert await under(rotating, OLD).list() == [replace(EAST, weight=2.0)]


async def test_it_can_be_switched_off_meanwhile(rotating: MemoryTables) -> None:
    await under(rotating, NEW).upsert(CHAT, "east", with_fields(active=False))
    assert await under(rotating, OLD).list() == [replace(EAST, active=False)]


async def test_a_new_endpoint_key_mends_it(rotating: MemoryTables) -> None:
    store = under(rotating, NEW)
    mended = await store.upsert(CHAT, "east", with_fields(endpoint_key="again"))
    assert mended == replace(EAST, endpoint_key="again")
    assert await store.list() == [mended]


async def test_a_key_in_plain_text_or_of_another_kind_is_never_used(tables: MemoryTables) -> None:
    kinds: tuple[Value, ...] = ("plain", 5, b"bytes")
    for number, value in enumerate(kinds):
        await tables.create("configuration", Row(CHAT, f"d{number}", {"DeploymentName": "x", "EndpointKey": value}))
    assert [(each.endpoint_key, each.active) for each in await under(tables, NEW).list()] == [(None, False)] * 3
