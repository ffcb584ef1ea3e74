"""The steps of docs/deploy.md that change a running deployment, done as the guide says."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.data.tables.aio import TableClient

from tests.functions.conftest import MANAGEMENT, ROOT, Product
from tests.functions.harness.host import FunctionsHost

CHAT = "/v1/chat/completions"


@pytest.fixture
async def table(environment: dict[str, str]) -> AsyncIterator[TableClient]:
    """The table `management`, as the operator's own tool sees it."""
    async with TableClient.from_connection_string(environment["AzureWebJobsStorage"], "management") as table:
        yield table


async def _status(product: Product, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    async with product.host.request("GET", f"{MANAGEMENT}/modeldeployment/list/all", headers=headers) as response:
        return response.status


def _row(token: str, active: str) -> dict[str, Any]:
    """What `az storage entity insert` makes of `Active=… Active@odata.type=Edm.Boolean`."""
    return {"PartitionKey": "management", "RowKey": token, "Active": (active, "Edm.Boolean")}


async def test_the_first_management_token_is_what_the_guides_query_finds(product: Product, table: TableClient) -> None:
    query = "PartitionKey eq 'management' and Active eq true"

    found = [row["RowKey"] async for row in table.query_entities(query)]

    assert product.operator["authorization"].removeprefix("Bearer ") in found


async def test_a_management_token_is_replaced_by_two_rows(product: Product, table: TableClient) -> None:
    new = secrets.token_urlsafe(32)

    await table.upsert_entity(_row(new, "true"))
    assert await _status(product, new) == 200

    await table.upsert_entity(_row(new, "false"))
    assert await _status(product, new) == 401


async def test_the_encryption_key_is_replaced_in_three_steps(product: Product, environment: dict[str, str]) -> None:
    old, new = environment["GATEWAY_ENCRYPTION_KEY"], base64.b64encode(secrets.token_bytes(32)).decode()
    name = {"deployment_class": "openai-chat", "friendly_name": "resealed"}
    await product.register("resealed")

    async with FunctionsHost(ROOT, {**environment, "GATEWAY_ENCRYPTION_KEY": f"{new},{old}"}) as both:
        upsert = both.request("PATCH", f"{MANAGEMENT}/modeldeployment/upsert", headers=product.operator, json=name)
        async with upsert as response:
            assert response.status == 200, await response.text()

    question = {"model": "resealed", "messages": []}
    async with (
        FunctionsHost(ROOT, {**environment, "GATEWAY_ENCRYPTION_KEY": new}) as only_new,
        only_new.request("POST", CHAT, headers=product.client, json=question) as response,
    ):
        assert response.status == 200, await response.text()
    assert product.simulator.received("resealed")[0].headers["api-key"] == "endpoint-key-of-resealed"
