"""A tenant plane over storage in memory, with its time in the test's hand, and the callers that ask it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from gateway.asgi import App
from gateway.catalog.models import catalog_id
from gateway.metering.rollups import Totals
from gateway.quotas.quotas import Quotas
from gateway.registry.snapshot import Caller, build
from gateway.registry.tenants import compose
from gateway.settings import Settings
from gateway.storage.catalog import CatalogStore
from gateway.storage.memory import MemoryTables
from gateway.storage.quotas import QuotaStore
from gateway.storage.rows import Row
from gateway.storage.tenant_models import TenantModelStore
from gateway.storage.tenants import TenantStore
from gateway.tenant_plane.app import create_tenant_plane
from gateway.tenant_plane.context import TenantContext
from gateway.usage.pricer import Pricer
from gateway.vectors.collections import Collections
from tests.asgi import Reply, call
from tests.builders import SECRET, api_key, tenant

MODELS = "/api/v1/tenant-models"
SELECT = "/api/v1/embedding-models/select"
SMALL = catalog_id("openai", "text-embedding-3-small")
LARGE = catalog_id("openai", "text-embedding-3-large")
CHAT = catalog_id("openai", "gpt-4o")
READER = compose("reader0", "s3cret-of-the-reader")
TOKEN = "operator-token-of-the-tests"
KEY = {"X-API-Key": SECRET}
READ_ONLY = {"X-API-Key": READER}
OPERATOR = {"authorization": f"Bearer {TOKEN}"}


class Usage:
    """What was used, as the test says: by period, what each model's calls came to."""

    def __init__(self) -> None:
        self.came_to: dict[str, dict[str, Totals]] = {}
        self.asked: list[tuple[str, str, str]] = []

    async def by_model(self, tenant: str, period: str, which: str) -> dict[str, Totals]:
        self.asked.append((tenant, period, which))
        return self.came_to.get(period, {})


class _Current:
    """The context of the running test."""

    context: TenantContext

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)


_current = _Current()


@cache
def _app() -> App:
    """FastAPI takes its time for the first request of an app, so the tests share one and give it their own context."""
    return create_tenant_plane(_current)  # type: ignore[arg-type]


class Plane:
    """The app, its stores, and a short way to call it. There is one at a time.

    Two tenants: `local`, whose keys may change the catalog and its models, and `reader`, whose may not.
    """

    def __init__(self, **settings: Any) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, 10, tzinfo=UTC)
        self.tables = MemoryTables()
        self.tenants = TenantStore(self.tables)
        self.usage = Usage()
        self.deployments: list[Any] = []
        self.closed = settings.get("unconfigured_tenants") == "refuse"
        self.snapshot = build([], [], [])
        catalog = CatalogStore(self.tables)
        self.quotas = Quotas(QuotaStore(self.tables), lambda: self.now, when_storage_fails="refuse", chance=lambda: 0.0)
        self.app = _app()
        _current.context = TenantContext(
            settings=Settings(**settings),
            tables=self.tables,
            catalog=catalog,
            tenants=self.tenants,
            tenant_models=TenantModelStore(self.tables),
            usage=self.usage,  # type: ignore[arg-type]
            quotas=self.quotas,
            pricer=Pricer(catalog, lambda: self.now),
            collections=Collections(self.tables, lambda: self.now),
            embed=self._embed,
            snapshot=lambda: self.snapshot,
            refresh=self.refresh,
            clock=lambda: self.now,
        )

    async def _embed(self, caller: Caller, body: bytes) -> bytes:
        raise NotImplementedError("the data plane's side of a search is in tests/sdk")

    async def open(self, **fields: Any) -> Plane:
        """Store the tenants; `fields` are of `local`."""
        await self.tenants.create(tenant(**{"permissions": ("catalog:write", "models:write"), **fields}))
        await self.tenants.create_key(api_key(name="ci"))
        await self.tenants.create(tenant(id="reader"))
        await self.tenants.create_key(api_key(READER, tenant_id="reader"))
        await self.tables.put("management", Row("management", TOKEN, {"Active": True}))
        await self.refresh()
        return self

    async def refresh(self) -> None:
        """Serve from what is stored."""
        tenants, keys, models = await self.tenants.list()
        self.snapshot = build(self.deployments, tenants, keys, tenant_models=models, closed=self.closed)

    async def change(self, **fields: Any) -> None:
        """Give tenant `local` other fields."""
        await self.tenants.upsert("local", lambda _: tenant(**{"permissions": ("models:write",), **fields}))
        await self.refresh()

    def pass_time(self, **time: float) -> None:
        self.now += timedelta(**time)

    async def call(self, method: str, path: str, json_body: Any = None, **more: Any) -> Reply:
        """A request of `local`, if the headers do not say otherwise."""
        path, _, query = path.partition("?")
        more.setdefault("headers", KEY)
        return await call(self.app, method, path, json_body=json_body, query=query, **more)

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        """The JSON of a good answer; before it a minute passes, so that no rate limit is met."""
        self.pass_time(minutes=1)
        reply = await self.call(method, path, body, **more)
        assert reply.status == status, reply.body
        return reply.json if reply.body else None

    async def configure(self, model_id: str = SMALL, **fields: Any) -> dict[str, Any]:
        """Configure a model of `local`."""
        made: dict[str, Any] = await self.ask("POST", MODELS, {"model_id": model_id, **fields}, 201)
        return made


def refused(reply: Reply, status: int, error: str) -> str:
    """The details of a refusal, whose whole shape is checked."""
    assert reply.status == status, reply.body
    assert list(reply.json) == ["error", "details"]
    assert reply.json["error"] == error
    details: str = reply.json["details"]
    return details
