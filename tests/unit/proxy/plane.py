"""A data plane over a scripted upstream, and one way to call it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.asgi import App, CallerGone, Receive, Scope, Send, answer_error
from gateway.errors import GatewayError
from gateway.limits.rates import Rates
from gateway.metering.records import CallRecord
from gateway.openai.routes import route
from gateway.proxy.admission import Admission
from gateway.proxy.attempt import Attempter
from gateway.proxy.collections import Keeper
from gateway.proxy.endpoints import EndpointWatch
from gateway.proxy.listing import Things
from gateway.proxy.metered import Meter
from gateway.proxy.serve import DataPlane
from gateway.quotas.quotas import Quotas
from gateway.registry.deployments import Deployment
from gateway.registry.endpoints import Endpoint
from gateway.registry.snapshot import build
from gateway.registry.tenant_models import TenantModel
from gateway.registry.tenants import Tenant
from gateway.routing.cooldown import Cooldowns
from gateway.routing.router import Router
from gateway.settings import Settings
from gateway.storage.catalog import CatalogStore
from gateway.storage.memory import MemoryTables
from gateway.storage.quotas import QuotaStore
from gateway.storage.things import ThingStore
from gateway.upstream.google import GoogleTokens
from gateway.upstream.identity import EntraTokens
from gateway.upstream.target import Targets
from gateway.usage.pricer import Pricer
from gateway.vectors.collections import Collections
from tests.asgi import Reply, call
from tests.builders import EPOCH, SECRET, api_key, tenant
from tests.fakes.upstream import FakeSession
from tests.unit.routing.test_cooldown import Clock

KEY = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
BODY = b'{"model": "any", "messages": []}'


class Plane:
    """A data plane with its upstream, clock and cool-downs at hand."""

    def __init__(
        self,
        session: FakeSession,
        *deployments: Deployment,
        endpoints: Sequence[Endpoint] = (),
        caller: Tenant | None = None,
        models: Sequence[TenantModel] = (),
        **settings: Any,
    ) -> None:
        self.session = session
        self.clock = Clock()
        self.cooldowns = Cooldowns(self.clock, 10, 120)
        self.router = Router(self.cooldowns, Rates(self.clock), 4)
        keys = [api_key()]
        self.router.swap(build(deployments, [caller or tenant()], keys, endpoints, b"secret", tenant_models=models))
        self.gone = False
        self.utc_seconds = 0.0
        attempter = Attempter(session, Targets("2024-10-21", EntraTokens(), GoogleTokens()))  # type: ignore[arg-type]
        self.endpoints = EndpointWatch()
        self.things = Things(ThingStore(MemoryTables(), self._seconds), self.router, attempter)
        self.tables = tables = MemoryTables()
        self.records: list[CallRecord] = []
        pricer = Pricer(CatalogStore(tables), lambda: EPOCH)
        self.quotas = Quotas(QuotaStore(tables), lambda: EPOCH, when_storage_fails="refuse")
        made = Settings(**settings)
        admission = Admission(self.quotas, pricer, assumed_output=made.assumed_output_tokens, unpriced_may_pass=False)
        self.data = DataPlane(
            self.router,
            attempter,
            admission,
            Meter(self, pricer, lambda: EPOCH),  # type: ignore[arg-type]
            self.endpoints,
            self.things,
            Keeper(Collections(tables, lambda: EPOCH), 1.0),
            made,
            lambda: EPOCH,
        )

    def record(self, call: CallRecord) -> None:
        self.records.append(call)

    def _seconds(self) -> float:
        return self.utc_seconds

    def app(self) -> App:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            found = route(scope["path"])
            assert found is not None
            try:
                await self.data.serve(scope, receive, send, found, b"request-1")
            except GatewayError as error:
                await answer_error(send, error)
            except CallerGone:
                self.gone = True

        return app

    async def post(
        self,
        body: bytes | list[bytes] = BODY,
        path: str = "/v1/chat/completions",
        leave: asyncio.Event | None = None,
        query: str = "",
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> Reply:
        return await call(self.app(), method, path, headers=headers or KEY, body=body, leave=leave, query=query)
