"""A registry over the memory twin, with everything about it in the test's hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from gateway.registry.snapshot import Snapshot
from gateway.storage.deployments import DeploymentStore
from gateway.storage.endpoints import EndpointStore
from gateway.storage.memory import MemoryTables
from gateway.storage.refresh import Registry
from gateway.storage.seal import Seal
from gateway.storage.tenants import TenantStore
from tests.builders import deployment
from tests.unit.storage.changes import CHAT, NEW, becoming


class House:
    """A registry with its stores, a clock that is turned by hand, and the snapshots it swapped in."""

    def __init__(self, tables: MemoryTables) -> None:
        self.tables = tables
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.deployments = DeploymentStore(tables, Seal.from_setting(NEW))
        self.tenants = TenantStore(tables)
        self.endpoints = EndpointStore(tables)
        self.slept: list[float] = []
        self.swapped: list[Snapshot] = []
        self.registry = Registry(
            tables, self.deployments, self.tenants, self.endpoints, 5.0, lambda: self.now, sleep=self._sleep
        )
        self.registry.on_swap.append(self.swapped.append)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == 3:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    async def store(self, *names: str) -> None:
        for name in names:
            await self.deployments.upsert(CHAT, name, becoming(deployment(name)))

    def pass_time(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    @property
    def names(self) -> list[str]:
        assert self.registry.snapshot is not None
        return [each.friendly_name for each in self.registry.snapshot.deployments]
