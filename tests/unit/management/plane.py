"""A control plane over storage in memory, and an operator who knows the token."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gateway.asgi import MLFLOW_PREFIX
from gateway.limits.rates import Rates
from gateway.management import plane as management_plane
from gateway.management.app import create_management
from gateway.management.context import ManagementContext, ProbeResult
from gateway.metering.endpoint_counts import EndpointCounts
from gateway.proxy.foresight import foresee
from gateway.registry.deployments import Deployment
from gateway.routing.cooldown import Cooldowns
from gateway.routing.router import Router
from gateway.storage.catalog import CatalogStore
from gateway.storage.deliveries import DeliveryStore
from gateway.storage.deployments import DeploymentStore
from gateway.storage.endpoints import EndpointStore
from gateway.storage.memory import MemoryTables
from gateway.storage.refresh import Registry
from gateway.storage.rows import Row
from gateway.storage.seal import Seal
from gateway.storage.tenants import TenantStore
from gateway.storage.usage import UsageStore
from gateway.storage.webhooks import WebhookStore
from gateway.usage.pricer import Pricer
from gateway.usage.recorder import Recorder
from gateway.usage.reports import Reports
from gateway.usage.spill import Spill
from tests.asgi import Reply, call
from tests.fakes.target import FakeSender

TOKEN = "operator-token-of-the-tests"
PREFIX = "/api/v1/management"
UPSERT = "/modeldeployment/upsert"

# Seed 004's body.
EAST: dict[str, Any] = {
    "deployment_class": "openai-chat",
    "friendly_name": "east",
    "deployment_name": "gpt-4o",
    "endpoint_key": "s3cret-of-east",
    "resource_name": "contoso-east",
    "active": True,
}

SERVICE_ACCOUNT = json.dumps(
    {"type": "service_account", "client_email": "gateway@contoso.example", "private_key": "-----BEGIN…\n"}, indent=2
)


class _CurrentTables:
    """The tables of the running test."""

    tables: MemoryTables

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tables, name)


_current = _CurrentTables()


@cache
def _app() -> management_plane.Plane:
    """FastAPI takes 40 ms for the first request of an app, so the tests share one and give it their own context."""
    return create_management(SimpleNamespace(tables=_current))  # type: ignore[arg-type]


class Plane:
    """The app, its stores, and a short way to call it. There is one at a time."""

    def __init__(self, encryption_key: str | None = base64.b64encode(b"k" * 32).decode()) -> None:
        self.tables = MemoryTables()
        self.deployments = DeploymentStore(self.tables, Seal.from_setting(encryption_key))
        self.tenants = TenantStore(self.tables)
        self.endpoints = EndpointStore(self.tables)
        self.webhooks = WebhookStore(self.tables, Seal.from_setting(encryption_key))
        self.deliveries = DeliveryStore(self.tables)
        self.sender = FakeSender()
        store = UsageStore(self.tables)
        pricer = Pricer(CatalogStore(self.tables), lambda: datetime.now(UTC))
        self.recorder = Recorder(store, pricer, Spill(Path("/nowhere"), ""), lambda: datetime.now(UTC), 5.0)
        self.registry = Registry(
            self.tables, self.deployments, self.tenants, self.endpoints, 2.0, lambda: datetime.now(UTC)
        )
        self.router = Router(Cooldowns(lambda: 0.0, 10, 120), Rates(lambda: 0.0), 4)
        self.registry.on_swap.append(self.router.swap)
        self.counts: dict[str, EndpointCounts] = {}
        self.resting: dict[str, float] = {}
        self.probed: list[Deployment] = []
        self.probe_result: ProbeResult | Exception = ProbeResult(ok=True, status=200, latency_ms=12.5432, error=None)
        self.app = _app()
        _current.tables = self.tables
        self.app.state.context = ManagementContext(
            tables=self.tables,
            deployments=self.deployments,
            tenants=self.tenants,
            endpoints=self.endpoints,
            registry=self.registry,
            probe=self._probe,
            counts=lambda name: self.counts.get(name, EndpointCounts()),
            resting=lambda deployment_id: self.resting.get(deployment_id, 0.0),
            foresee=partial(foresee, self.router),
            usage=Reports(store, self.recorder),
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            sender=self.sender,
        )

    async def open(self) -> Plane:
        """Make the token known."""
        await self.tables.put("management", Row("management", TOKEN, {"Active": True}))
        return self

    async def call(self, method: str, path: str, json_body: Any = None, **more: Any) -> Reply:
        """A request with the token; `path` without the prefix."""
        more.setdefault("headers", {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"})
        return await call(self.app, method, PREFIX + path, json_body=json_body, **more)

    async def ask(self, method: str, path: str, json_body: Any = None, **more: Any) -> Reply:
        """The same of the API of endpoints and keys; `path` without its prefix."""
        more.setdefault("headers", {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"})
        path, _, query = path.partition("?")
        return await call(self.app, method, MLFLOW_PREFIX + path, json_body=json_body, query=query, **more)

    async def upsert(self, **changes: Any) -> Reply:
        """Seed 004's body with other values."""
        return await self.call("PATCH", UPSERT, {**EAST, **changes})

    async def stored(self) -> dict[tuple[str, str], Row]:
        """The rows of the deployments."""
        return {(row.partition, row.key): row for row in await self.tables.list("configuration")}

    async def _probe(self, deployment: Deployment) -> ProbeResult:
        self.probed.append(deployment)
        await asyncio.sleep(0)
        if isinstance(self.probe_result, Exception):
            raise self.probe_result
        return self.probe_result


def refusal(reply: Reply, status: int = 400) -> dict[str, Any]:
    """The error of a reply, whose whole shape is checked."""
    assert reply.status == status, reply.body
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json) == ["error"]
    error: dict[str, Any] = reply.json["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["message"]
    return error


def mlflow_refusal(reply: Reply, status: int, error_code: str) -> str:
    """The message of an error in MLflow's shape."""
    assert reply.status == status, reply.body
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json) == ["error_code", "message"]
    assert reply.json["error_code"] == error_code
    message: str = reply.json["message"]
    assert message
    return message
