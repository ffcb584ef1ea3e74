"""The registry over a real table service: two instances, a kill, a restart, a wipe."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import StorageUnavailable
from gateway.registry.deployments import Deployment
from gateway.storage.deployments import DeploymentStore
from gateway.storage.endpoints import EndpointStore
from gateway.storage.refresh import MARKER_GONE, Registry
from gateway.storage.seal import Seal
from gateway.storage.tables import AzureTables
from gateway.storage.tenants import TenantStore
from gateway.storage.tokens import ensure_management_token, first_management_token, knows_management_token
from tests.azurite.conftest import Azurite
from tests.builders import api_key, deployment, tenant

CHAT = "openai-chat"
SEAL = Seal.from_setting(base64.b64encode(b"k" * 32).decode())


class Instance:
    """One gateway process, as far as storage sees it."""

    def __init__(self, tables: AzureTables) -> None:
        self.tables = tables
        self.deployments = DeploymentStore(self.tables, SEAL)
        self.tenants = TenantStore(self.tables)
        self.endpoints = EndpointStore(self.tables)
        self.registry = Registry(
            self.tables, self.deployments, self.tenants, self.endpoints, 0.1, lambda: datetime.now(UTC)
        )

    async def store(self, name: str) -> None:
        await self.deployments.upsert(CHAT, name, lambda _: deployment(name))

    def names(self) -> list[str]:
        snapshot = self.registry.snapshot
        return [] if snapshot is None else [each.friendly_name for each in snapshot.deployments]

    async def until(self, true: Callable[[], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.02)


Start = Callable[[], Instance]


@pytest.fixture
def started(own_azurite: Azurite, opened: Callable[[str], AzureTables]) -> Start:
    """Starts one more instance."""
    return lambda: Instance(opened(own_azurite.connection))


@pytest.fixture
async def instances(started: Start) -> AsyncIterator[tuple[Instance, Instance]]:
    """Two instances that refresh in the background."""
    both = started(), started()
    running = [asyncio.ensure_future(each.registry.run()) for each in both]
    yield both
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_write_on_one_instance_is_at_once_on_it_and_soon_on_the_other(
    instances: tuple[Instance, Instance],
) -> None:
    mine, other = instances
    await mine.store("east")
    await mine.registry.refresh(force=True)
    assert mine.names() == ["east"]
    await other.until(lambda: other.names() == ["east"])
    await other.tenants.create(tenant())
    await other.tenants.create_key(api_key())
    await mine.until(lambda: mine.registry.snapshot is not None and "local0" in mine.registry.snapshot.callers)
    await other.deployments.delete(CHAT, "east")
    await mine.until(lambda: mine.names() == [])


async def test_instances_that_start_at_once_make_one_management_token(started: Start) -> None:
    instances = [started() for _ in range(5)]
    made = await asyncio.gather(*(ensure_management_token(each.tables) for each in instances))
    (token,) = [each for each in made if each is not None]
    assert await first_management_token(instances[0].tables) == token
    assert all(await asyncio.gather(*(knows_management_token(each.tables, token) for each in instances)))
    await instances[0].tables.delete("management", "management", token)
    made = await asyncio.gather(*(ensure_management_token(each.tables) for each in instances))
    assert len([each for each in made if each is not None]) == 1


async def test_concurrent_upserts_of_different_fields_all_survive(started: Start) -> None:
    writers = [started() for _ in range(3)]
    fields: list[dict[str, object]] = [{"weight": 9.0}, {"rpm": 5}, {"endpoint_key": "new"}]

    def with_fields(changed: dict[str, object]) -> Callable[[Deployment | None], Deployment]:
        return lambda before: replace(before or deployment("east"), **changed)  # type: ignore[arg-type]

    await asyncio.gather(
        *(
            writer.deployments.upsert(CHAT, "east", with_fields(changed))
            for writer, changed in zip(writers, fields, strict=True)
        )
    )
    expected = deployment("east", weight=9.0, rpm=5, endpoint_key="new")
    assert await writers[0].deployments.read(CHAT, "east") == expected


async def test_a_tenant_with_more_keys_than_a_transaction_holds_is_deleted_with_all_of_them(
    started: Start,
) -> None:
    instance = started()
    await instance.tenants.create(tenant())
    await asyncio.gather(*(instance.tenants.create_key(api_key(f"rh-key{number:03}-secret")) for number in range(120)))
    assert len(await instance.tenants.keys("local")) == 120
    assert await instance.tenants.delete("local") is True
    assert await instance.tables.list("authorization") == []


async def test_a_killed_storage_leaves_the_registry_and_a_restarted_one_is_used_again(
    instances: tuple[Instance, Instance], own_azurite: Azurite
) -> None:
    mine, other = instances
    await mine.store("east")
    for each in instances:
        await each.until(lambda each=each: each.names() == ["east"])  # type: ignore[misc]
    await own_azurite.has_written("east-gpt")
    own_azurite.kill()
    for each in instances:
        await each.until(lambda each=each: each.registry.status().state == "stale")  # type: ignore[misc]
        assert each.names() == ["east"]
    with pytest.raises(StorageUnavailable):
        await mine.store("west")
    own_azurite.start()
    for each in instances:
        await each.until(lambda each=each: each.registry.status().state == "fresh")  # type: ignore[misc]
        assert each.names() == ["east"]
    await mine.store("west")
    await other.until(lambda: other.names() == ["east", "west"])


async def test_a_wiped_storage_leaves_the_registry_until_the_next_write(
    instances: tuple[Instance, Instance], own_azurite: Azurite, tmp_path: Path
) -> None:
    mine, _ = instances
    await mine.store("east")
    for each in instances:
        await each.until(lambda each=each: each.names() == ["east"])  # type: ignore[misc]
    own_azurite.kill()
    for left in tmp_path.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    own_azurite.start()
    for each in instances:
        await each.until(lambda each=each: each.registry.status().error == MARKER_GONE)  # type: ignore[misc]
        assert (each.registry.status().state, each.names()) == ("stale", ["east"])
    await mine.store("west")
    for each in instances:
        await each.until(lambda each=each: each.registry.status().state == "fresh")  # type: ignore[misc]
        assert each.names() == ["west"]


async def test_started_while_storage_is_dead_it_answers_empty_and_recovers_by_itself(
    instances: tuple[Instance, Instance], own_azurite: Azurite, started: Start
) -> None:
    await instances[0].store("east")
    await own_azurite.has_written("east-gpt")
    own_azurite.kill()
    late = started()
    running = asyncio.ensure_future(late.registry.run())
    await late.registry.ready(5)
    assert (late.registry.status().state, late.registry.snapshot) == ("empty", None)
    own_azurite.start()
    await late.until(lambda: late.names() == ["east"])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
