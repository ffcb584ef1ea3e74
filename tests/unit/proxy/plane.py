"""A data plane over a scripted upstream, and one way to call it."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.asgi import App, CallerGone, Receive, Scope, Send, answer_error
from gateway.errors import GatewayError
from gateway.limits.rates import Rates
from gateway.openai.routes import route
from gateway.proxy.attempt import Attempter
from gateway.proxy.endpoints import EndpointWatch
from gateway.proxy.listing import Things
from gateway.proxy.serve import DataPlane
from gateway.registry.deployments import Deployment
from gateway.registry.snapshot import build
from gateway.routing.cooldown import Cooldowns
from gateway.routing.router import Router
from gateway.settings import Settings
from gateway.storage.memory import MemoryTables
from gateway.storage.things import ThingStore
from gateway.upstream.google import GoogleTokens
from gateway.upstream.identity import EntraTokens
from gateway.upstream.target import Targets
from tests.asgi import Reply, call
from tests.builders import EPOCH, SECRET, api_key, tenant
from tests.fakes.upstream import FakeSession
from tests.unit.routing.test_cooldown import Clock

KEY = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
BODY = b'{"model": "any", "messages": []}'


class Plane:
    """A data plane with its upstream, clock and cool-downs at hand."""

    def __init__(self, session: FakeSession, *deployments: Deployment, **settings: Any) -> None:
        self.session = session
        self.clock = Clock()
        self.cooldowns = Cooldowns(self.clock, 10, 120)
        self.router = Router(self.cooldowns, Rates(self.clock), 4)
        self.router.swap(build(deployments, [tenant()], [api_key()], id_secret=b"secret"))
        self.gone = False
        self.utc_seconds = 0.0
        attempter = Attempter(session, Targets("2024-10-21", EntraTokens(), GoogleTokens()))  # type: ignore[arg-type]
        self.endpoints = EndpointWatch()
        self.things = Things(ThingStore(MemoryTables(), self._seconds), self.router, attempter)
        self.data = DataPlane(self.router, attempter, self.endpoints, self.things, Settings(**settings), lambda: EPOCH)

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
