"""The composition root: settings in, one wired ASGI app out."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from datetime import UTC, datetime
from functools import partial

from gateway import health
from gateway.asgi import (
    JSON,
    MLFLOW_PREFIX,
    TENANT_PREFIXES,
    App,
    CallerGone,
    Message,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
)
from gateway.errors import GatewayError, MethodNotAllowed, NotFound, RegistryUnavailable
from gateway.limits.rates import Rates
from gateway.openai.routes import AZURE_RESOURCE_PREFIXES, OPENAI_PREFIXES, models_path, route
from gateway.proxy.attempt import Attempter
from gateway.proxy.endpoints import EndpointWatch
from gateway.proxy.foresight import foresee
from gateway.proxy.listing import Things
from gateway.proxy.models import models_answer
from gateway.proxy.probe import probe
from gateway.proxy.serve import DataPlane
from gateway.registry.deployments import Deployment
from gateway.routing.cooldown import Cooldowns
from gateway.routing.router import Router
from gateway.settings import Settings
from gateway.storage.deployments import DeploymentStore
from gateway.storage.endpoints import EndpointStore
from gateway.storage.refresh import Registry
from gateway.storage.rows import Tables
from gateway.storage.seal import Seal
from gateway.storage.tables import connect
from gateway.storage.tenants import TenantStore
from gateway.storage.things import ThingStore
from gateway.upstream.google import GoogleTokens
from gateway.upstream.identity import EntraTokens
from gateway.upstream.session import UpstreamSession
from gateway.upstream.target import Targets

log = logging.getLogger("gateway")

MANAGEMENT = "/api/v1/management"
DATA_PREFIXES = (*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES)
# Every path that answers without a credential. The management plane's own list is in gateway/management/guard.py.
OPEN_PATHS = health.PATHS

# How long the first request of a fresh process waits for the registry, and what it is told when there is none.
FIRST_LOAD_SECONDS = 5.0
RETRY_SECONDS = 2.0


def create_app(settings: Settings | None = None, tables: Tables | None = None) -> Gateway:
    """The gateway as an ASGI app. `tables` replaces the storage that the settings name."""
    settings = settings or Settings.from_environment()
    return Gateway(settings, tables or connect(settings))


class Gateway:
    """One ASGI app: the data plane by one look-up, the management plane when it is first asked for."""

    def __init__(self, settings: Settings, tables: Tables) -> None:
        self._settings = settings
        self._tables = tables
        self._deployments = DeploymentStore(tables, Seal.from_setting(settings.encryption_key))
        self._tenants = TenantStore(tables)
        self._endpoint_store = EndpointStore(tables)
        self.registry = Registry(
            tables,
            self._deployments,
            self._tenants,
            self._endpoint_store,
            settings.refresh_seconds,
            lambda: datetime.now(UTC),
        )
        self._cooldowns = Cooldowns(time.monotonic, settings.cooldown_seconds, settings.cooldown_cap_seconds)
        self._router = Router(self._cooldowns, Rates(time.monotonic), settings.max_attempts)
        self._session = UpstreamSession(settings.connect_seconds)
        self._tokens = EntraTokens()
        self._targets = Targets(settings.azure_api_version, self._tokens, GoogleTokens())
        self._attempter = Attempter(self._session, self._targets)
        self._endpoints = EndpointWatch()
        self._things = Things(ThingStore(tables), self._router, self._attempter)
        self._data = DataPlane(
            self._router, self._attempter, self._endpoints, self._things, settings, lambda: datetime.now(UTC)
        )
        self.registry.on_swap.append(self._router.swap)
        self.registry.on_swap.append(lambda _: self._targets.forget())
        self._background: asyncio.Task[None] | None = None
        self._management_app: App | None = None
        self._tenant_app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entry: http and lifespan."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def refresh(self) -> None:
        """Bring the registry up to date once."""
        self._start()
        await self.registry.refresh()

    async def close(self) -> None:
        """End the background work and let go of every connection."""
        if self._background is not None:
            self._background.cancel()
            await asyncio.gather(self._background, return_exceptions=True)
            self._background = None
        await self._things.close()
        await self._session.close()
        await self._tokens.close()
        await self._tables.close()

    def _start(self) -> None:
        """Start the background work in the running loop; a Functions worker sends no lifespan events."""
        if self._background is None:
            self._background = asyncio.create_task(self.registry.run())

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = uuid.uuid4().hex.encode()
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._dispatch(scope, receive, noted, request_id)
        except CallerGone:
            return
        except GatewayError as error:
            await answer_error(send, error, [(b"x-request-id", request_id)], path=scope["path"])
        except Exception:
            log.exception("request %s failed", request_id.decode())
            if begun:
                raise
            opaque = GatewayError(f"The gateway failed. Quote the request id {request_id.decode()} to your operator.")
            await answer_error(send, opaque, [(b"x-request-id", request_id)], path=scope["path"])

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send, request_id: bytes) -> None:
        if self._background is None:
            self._start()
        path = scope["path"]
        found = route(path)
        if found is not None:
            await self._have_registry()
            await self._data.serve(scope, receive, send, found, request_id)
        elif path.startswith((MANAGEMENT, MLFLOW_PREFIX)):
            if self._management_app is None:
                self._management_app = self._create_management()
            await _identified(self._management_app, scope, receive, send, request_id)
        elif path in health.PATHS:
            await self._health(scope, send, request_id)
        elif path.startswith(TENANT_PREFIXES):
            await self._have_registry()
            if self._tenant_app is None:
                self._tenant_app = self._create_tenant_plane()
            await _identified(self._tenant_app, scope, receive, send, request_id)
        elif path.startswith(DATA_PREFIXES):
            await self._have_registry()
            await self._models(scope, send, request_id)
        else:
            raise NotFound(f"Unknown path: {path}. The OpenAI API is under /v1, the management API under {MANAGEMENT}.")

    async def _have_registry(self) -> None:
        if self.registry.snapshot is None:
            await self.registry.ready(FIRST_LOAD_SECONDS)
            if self.registry.snapshot is None:
                raise RegistryUnavailable(
                    "The gateway has not been able to read its registry yet.", retry_after=RETRY_SECONDS
                )

    async def _models(self, scope: Scope, send: Send, request_id: bytes) -> None:
        """The list of models; any other path of the data plane is unknown, which only callers learn."""
        caller = self._data.authenticate(scope)
        model = models_path(scope["path"])
        if model is None:
            raise NotFound(f"Unknown path: {scope['method']} {scope['path']}.", code="unknown_url")
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(allow="GET")
        body = models_answer(self._router.snapshot, caller, model)
        await answer(send, 200, body, [JSON, (b"x-request-id", request_id)])

    async def _health(self, scope: Scope, send: Send, request_id: bytes) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(allow="GET")
        status, body = (200, health.alive()) if scope["path"] == "/health" else health.ready(self.registry)
        await answer(send, status, body, [JSON, (b"x-request-id", request_id)])

    def _create_tenant_plane(self) -> App:
        # As heavy as the management plane.
        from gateway.storage.catalog import CatalogStore
        from gateway.tenant_plane.app import create_tenant_plane
        from gateway.tenant_plane.context import TenantContext

        return create_tenant_plane(
            TenantContext(
                tables=self._tables,
                catalog=CatalogStore(self._tables),
                snapshot=lambda: self._router.snapshot,
                clock=lambda: datetime.now(UTC),
            )
        )

    def _create_management(self) -> App:
        # FastAPI and pydantic are heavy; a process that only serves calls never loads them.
        from gateway.management.app import create_management
        from gateway.management.context import ManagementContext, ProbeResult

        async def probe_deployment(deployment: Deployment) -> ProbeResult:
            status, latency_ms, error = await probe(self._attempter, deployment)
            return ProbeResult(ok=error is None, status=status, latency_ms=latency_ms, error=error)

        return create_management(
            ManagementContext(
                tables=self._tables,
                deployments=self._deployments,
                tenants=self._tenants,
                endpoints=self._endpoint_store,
                registry=self.registry,
                probe=probe_deployment,
                counts=self._endpoints.counts,
                resting=self._cooldowns.remaining,
                foresee=partial(foresee, self._router),
            )
        )


async def _identified(app: App, scope: Scope, receive: Receive, send: Send, request_id: bytes) -> None:
    """Have an app answer, and its answer carry the request's id."""

    async def identified(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
        await send(message)

    await app(scope, receive, identified)
