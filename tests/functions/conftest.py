"""The deployed product on this machine: the real worker runtime, real Azurite, the simulated upstream."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.storage.tables import AzureTables
from gateway.storage.tokens import first_management_token
from simulator.server import Simulator
from tests.azurite.conftest import Azurite
from tests.functions.harness.host import FunctionsHost

ROOT = Path(__file__).parents[2]
MANAGEMENT = "/api/v1/management"


@dataclass
class Product:
    """A gateway behind the Functions host, and what its operator and its one client hold."""

    host: FunctionsHost
    simulator: Simulator
    operator: dict[str, str]
    client: dict[str, str]

    async def register(self, name: str) -> dict[str, Any]:
        """Register a deployment that the simulator plays; its row as the operator sees it."""
        row = {
            "deployment_class": "openai-chat",
            "friendly_name": name,
            "deployment_name": name,
            "endpoint_key": f"endpoint-key-of-{name}",
            "endpoint_url": self.simulator.url,
            "models": [name],
            "active": True,
        }
        stored: dict[str, Any] = await self.manage("PATCH", "/modeldeployment/upsert", row)
        return stored

    async def manage(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the management API that has to succeed."""
        async with self.host.request(method, MANAGEMENT + path, headers=self.operator, json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    azurite = Azurite(tmp_path_factory.mktemp("azurite"))
    azurite.start()
    yield azurite
    azurite.kill()


@pytest.fixture(scope="session")
def environment(azurite: Azurite) -> dict[str, str]:
    """The app settings of a function app."""
    return {
        "AzureWebJobsStorage": azurite.connection,
        "GATEWAY_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }


@pytest.fixture(scope="session")
async def product(environment: dict[str, str]) -> AsyncIterator[Product]:
    async with Simulator() as simulator, FunctionsHost(ROOT, environment) as host:
        # Before anyone calls it, as a deployment that is new: the timer makes the tables and the first token.
        await host.timer("refresh_registry")
        tables = AzureTables(connection=environment["AzureWebJobsStorage"])
        token = await first_management_token(tables)
        await tables.close()
        product = Product(host, simulator, {"authorization": f"Bearer {token}"}, {})
        tenant = await product.manage("POST", "/tenants", {"name": "Tests"})
        key = await product.manage("POST", f"/tenants/{tenant['id']}/keys", {"name": "tests"})
        product.client["authorization"] = f"Bearer {key['api_key']}"
        yield product
