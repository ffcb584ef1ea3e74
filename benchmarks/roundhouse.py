"""Roundhouse as a user runs it, all features on: its storage, what is registered there, its serving process.

python -m benchmarks.roundhouse http://127.0.0.1:9000   serves from tables in memory, and prints its address.
With names of operations behind the address it serves those instead of chat.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.process import Launch, Running
from benchmarks.workload import MODEL
from gateway.local.azurite import MAIN, connection_string
from gateway.local.node import find_node
from gateway.local.port import free_port, listen, url_of
from gateway.openai.operations import BY_NAME
from gateway.registry.deployments import Deployment
from gateway.registry.limits import Limits
from gateway.registry.tenants import ApiKey, Tenant, compose, fingerprint
from gateway.settings import Settings
from gateway.storage.deployments import DeploymentStore
from gateway.storage.seal import Seal
from gateway.storage.tables import connect
from gateway.storage.tenants import TenantStore

if TYPE_CHECKING:
    from gateway.storage.rows import Tables

ENCRYPTION_KEY = base64.b64encode(b"of a benchmark, and secret to no").decode()
API_KEY = compose("bench0", "secret-of-the-benchmark")
DEPLOYMENTS = ("east", "west", "north")
# Far above any load, and counted all the same.
LIMITS = Limits(rpm=10**9, tpm=10**13, daily_token_limit=10**15)
NOTE = (
    "one process of `gateway.local.worker` (uvicorn, uvloop, httptools); API key checked, three Azure deployments in "
    "turns, the tenant's limits `rpm`, `tpm` and `daily_token_limit` on, usage recorded and priced for every call"
)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


async def register(tables: Tables, upstream: str, operations: Iterable[str] = ("chat",)) -> None:
    """Three deployments for each operation, which the upstream plays, and a tenant with limits and an API key."""
    deployments, tenants = DeploymentStore(tables, Seal.from_setting(ENCRYPTION_KEY)), TenantStore(tables)
    for operation, name in product(operations, DEPLOYMENTS):
        made = Deployment(
            deployment_class=BY_NAME[operation].deployment_class,
            friendly_name=f"{name}-{operation}",
            deployment_name=MODEL,
            endpoint_key=f"key-of-{name}",
            endpoint_url=upstream,
            models=(MODEL,),
            operations=(operation,),
        )
        await deployments.upsert(made.deployment_class, made.friendly_name, lambda _, made=made: made)  # type: ignore[misc]
    await tenants.create(Tenant(id="bench", name="Benchmark", limits=LIMITS, created_at=EPOCH))
    key = ApiKey(id="bench0", tenant_id="bench", name="", sha256=fingerprint(API_KEY), created_at=EPOCH)
    await tenants.create_key(key)


def azurite(core: int, log: Path) -> tuple[Running, str] | None:
    """Start a table service of its own on a core; it and its connection string. None if Node or Azurite are missing."""
    node = find_node(Path(sys.prefix))
    if node is None or not MAIN.exists():
        return None
    port = free_port()
    where = ["--tableHost", "127.0.0.1", "--tablePort", str(port), "--inMemoryPersistence"]
    running = Running(Launch([str(node.program), str(MAIN), "--silent", "--disableTelemetry", *where]), core, log)
    return running, connection_string(port)


async def fill(connection: str, upstream: str) -> None:
    """Register all that the gateway serves from, in a storage that may still be starting."""
    tables = connect(Settings(storage_connection=connection))
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    await tables.get("configuration", "none", "none")
                    break
                except Exception:
                    await asyncio.sleep(0.1)
        await register(tables, upstream)
    finally:
        await tables.close()


def launch(connection: str) -> Launch:
    """A serving process on a storage that is filled."""
    listener = listen("127.0.0.1", 0)
    address, descriptor = url_of(listener), listener.detach()
    settings = Settings(storage_connection=connection, encryption_key=ENCRYPTION_KEY)
    return Launch(
        [sys.executable, "-m", "gateway.local.worker", str(descriptor)],
        address=address,
        standard_input=json.dumps(asdict(settings)).encode(),
        descriptors=[descriptor],
    )


def launch_in_memory(upstream: str, *operations: str) -> Launch:
    """A serving process whose storage is in its own memory; chat alone, if no operations are given."""
    return Launch([sys.executable, "-m", "benchmarks.roundhouse", upstream, *operations])


def serve(tables: Tables) -> None:
    """Serve the gateway as a local run's process does, until told to end; prints its address first."""
    import uvicorn

    from gateway.app import create_app
    from gateway.collector import look_less_often
    from gateway.server.protocol import server_config

    logging.basicConfig()
    app = create_app(Settings(encryption_key=ENCRYPTION_KEY), tables)
    listener = listen("127.0.0.1", 0)
    print(url_of(listener), flush=True)
    config = server_config(app, lifespan="on")
    look_less_often()
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listener.detach())])


def _serve_from_memory(upstream: str, *operations: str) -> None:
    from gateway.storage.memory import MemoryTables

    tables = MemoryTables()
    asyncio.run(register(tables, upstream, operations or ("chat",)))
    serve(tables)


if __name__ == "__main__":
    _serve_from_memory(*sys.argv[1:])
