"""The ASGI app: path to plane by one look-up, the request's id, the answer of what is raised below."""

from __future__ import annotations

import logging

from gateway import health
from gateway.asgi import (
    JSON,
    MLFLOW_PREFIX,
    App,
    CallerGone,
    Message,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    is_tenant_path,
)
from gateway.composition import Composition
from gateway.errors import GatewayError, MethodNotAllowed, NotFound, RegistryUnavailable
from gateway.openai.routes import AZURE_RESOURCE_PREFIXES, OPENAI_PREFIXES, models_path, route
from gateway.proxy.models import models_answer
from gateway.request_ids import request_id as new_request_id
from gateway.settings import Settings
from gateway.storage.refresh import Registry
from gateway.storage.rows import Tables
from gateway.storage.tables import connect

log = logging.getLogger("gateway")

MANAGEMENT = "/api/v1/management"
DATA_PREFIXES = (*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES)
# Every path that answers without a credential. The management plane's own list is in gateway/management/guard.py, the
# tenant plane's in gateway/tenant_plane/context.py.
OPEN_PATHS = health.PATHS

# How long the first request of a fresh process waits for the registry, and what it is told when there is none.
FIRST_LOAD_SECONDS = 5.0
RETRY_SECONDS = 2.0


def create_app(settings: Settings | None = None, tables: Tables | None = None) -> Gateway:
    """The gateway as an ASGI app. `tables` replaces the storage that the settings name."""
    settings = settings or Settings.from_environment()
    return Gateway(Composition(settings, tables or connect(settings)))


class Gateway:
    """One ASGI app: the data plane by one look-up, the other planes when they are first asked for."""

    def __init__(self, parts: Composition) -> None:
        self._parts = parts
        self._management_app: App | None = None
        self._tenant_app: App | None = None

    @property
    def registry(self) -> Registry:
        """The registry that it serves from."""
        return self._parts.registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entry: http and lifespan."""
        if scope["type"] != "http":
            await self._not_http(scope, receive, send)
            return
        request_id = new_request_id()
        try:
            if not self._parts.started:
                self._parts.start()
            found = route(scope["path"])
            if found is None:
                await self._dispatch(scope, receive, send, request_id)
            else:
                # Asked here, too, for it is not None all but once.
                if self._parts.registry.snapshot is None:
                    await self._have_registry()
                await self._parts.data.serve(scope, receive, send, found, request_id)
        except CallerGone:
            return
        except GatewayError as error:
            await answer_error(send, error, [(b"x-request-id", request_id)], path=scope["path"])
        except Exception as failure:
            log.exception("request %s failed", request_id.decode())
            opaque = GatewayError(f"The gateway failed. Quote the request id {request_id.decode()} to your operator.")
            try:
                await answer_error(send, opaque, [(b"x-request-id", request_id)], path=scope["path"])
            except Exception:
                # An answer has begun, and no server takes two: it is cut off, as the one way to tell.
                raise failure from None

    async def refresh(self) -> None:
        """Bring the registry up to date once."""
        self._parts.start()
        await self.registry.refresh()

    async def deliver_webhooks(self) -> None:
        """Deliver what webhooks are due, once; for a platform's timer."""
        self._parts.start()
        await self._parts.dispatcher.deliver_due()

    async def settle(self) -> None:
        """Give back what is leased and write what was recorded; calls go on."""
        await self._parts.settle()

    async def close(self) -> None:
        """End the background work and let go of every connection."""
        await self._parts.close()

    async def _not_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                # A Functions worker sends no lifespan events, and has a timer for the deliveries.
                self._parts.start()
                self._parts.start_deliveries()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send, request_id: bytes) -> None:
        """Give a request that is no call of an operation to its plane."""
        path = scope["path"]
        if path.startswith((MANAGEMENT, MLFLOW_PREFIX)):
            if self._management_app is None:
                self._management_app = self._parts.management()
            await _identified(self._management_app, scope, receive, send, request_id)
        elif path in health.PATHS:
            await self._health(scope, send, request_id)
        elif is_tenant_path(path):
            await self._have_registry()
            if self._tenant_app is None:
                self._tenant_app = self._parts.tenant_plane()
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
        caller = self._parts.data.authenticate(scope)
        model = models_path(scope["path"])
        if model is None:
            raise NotFound(f"Unknown path: {scope['method']} {scope['path']}.", code="unknown_url")
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(allow="GET")
        body = models_answer(self._parts.router.snapshot, caller, model)
        await answer(send, 200, body, [JSON, (b"x-request-id", request_id)])

    async def _health(self, scope: Scope, send: Send, request_id: bytes) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(allow="GET")
        status, body = (200, health.alive()) if scope["path"] == "/health" else health.ready(self.registry)
        await answer(send, status, body, [JSON, (b"x-request-id", request_id)])


async def _identified(app: App, scope: Scope, receive: Receive, send: Send, request_id: bytes) -> None:
    """Have an app answer, and its answer carry the request's id."""

    async def identified(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
        await send(message)

    await app(scope, receive, identified)
