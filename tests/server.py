"""A gateway behind a real HTTP server in the test's own loop, with a simulated upstream beside it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import uvicorn

from gateway.app import Gateway, create_app
from gateway.registry.deployments import Deployment
from gateway.server.protocol import LightProtocol
from gateway.settings import Settings
from gateway.storage.deployments import DeploymentStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Tables
from gateway.storage.seal import Seal
from gateway.storage.tenants import TenantStore
from simulator.server import Simulator
from tests.builders import SECRET, api_key, deployment, tenant

ENCRYPTION_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@contextlib.asynccontextmanager
async def serving(app: Any, keep_alive_seconds: float = 5) -> AsyncIterator[str]:
    """Serve an ASGI app on a free port, by the protocol of a local run; its address."""
    made = socket.create_server(("127.0.0.1", 0))
    # Taken anew by its descriptor it knows its protocol, and asyncio then sends small answers at once (TCP_NODELAY).
    listener = socket.socket(fileno=made.detach())
    config = uvicorn.Config(
        app,
        http=LightProtocol,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=keep_alive_seconds,  # type: ignore[arg-type]
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@dataclass
class Stack:
    """A gateway that serves, the simulated upstream behind it, and a way to register deployments."""

    url: str
    gateway: Gateway
    simulator: Simulator
    tables: Tables
    api_key: str = SECRET

    async def register(self, *names: str, **fields: Any) -> None:
        """Register deployments that the simulator plays."""
        store = DeploymentStore(self.tables, Seal.from_setting(ENCRYPTION_KEY))
        for name in names:
            made = deployment(
                name, **{"deployment_name": name, "endpoint_url": self.simulator.url, "resource_name": "", **fields}
            )
            await store.upsert(made.deployment_class, made.friendly_name, lambda _, made=made: made)
        await self.gateway.registry.refresh(force=True)

    async def registered(self) -> list[Deployment]:
        return await DeploymentStore(self.tables, Seal.from_setting(ENCRYPTION_KEY)).list()


@contextlib.asynccontextmanager
async def stack(**settings: Any) -> AsyncIterator[Stack]:
    """A whole product over memory tables, with one tenant and one API key."""
    tables = MemoryTables()
    store = TenantStore(tables)
    await store.create(tenant())
    await store.create_key(api_key())
    gateway = create_app(Settings(encryption_key=ENCRYPTION_KEY, **settings), tables)
    async with Simulator() as simulator, serving(gateway) as url:
        yield Stack(url, gateway, simulator, tables)
