"""A gateway alone in a process, over memory tables, for what can only be measured from outside."""

from __future__ import annotations

import asyncio
import sys

from gateway.app import create_app
from gateway.settings import Settings
from gateway.storage.deployments import DeploymentStore
from gateway.storage.memory import MemoryTables
from gateway.storage.seal import Seal
from gateway.storage.tenants import TenantStore
from tests.builders import api_key, deployment, tenant
from tests.server import ENCRYPTION_KEY, serving


async def main(upstream: str) -> None:
    """Serve one deployment of every class that takes files; say where, and end with the standard input."""
    tables = MemoryTables()
    await TenantStore(tables).create(tenant())
    await TenantStore(tables).create_key(api_key())
    made = deployment(
        "east",
        deployment_class="openai-batch",
        deployment_name="east",
        operations=("file",),
        endpoint_url=upstream,
        resource_name="",
    )
    store = DeploymentStore(tables, Seal.from_setting(ENCRYPTION_KEY))
    await store.upsert(made.deployment_class, made.friendly_name, lambda _: made)
    settings = Settings(encryption_key=ENCRYPTION_KEY, max_body_bytes=300 * 1024 * 1024)
    async with serving(create_app(settings, tables)) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
