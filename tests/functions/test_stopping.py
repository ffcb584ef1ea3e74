"""A worker that the platform ends: nothing that it recorded is lost."""

from __future__ import annotations

import signal
import zlib
from pathlib import Path

from gateway.storage.tables import AzureTables
from tests.functions.conftest import Product
from tests.functions.harness.host import FunctionsHost

ROOT = Path(__file__).parents[2]


async def test_a_worker_that_is_told_to_end_writes_its_usage_first(
    product: Product, environment: dict[str, str]
) -> None:
    await product.register("to-the-end")
    slow = {"GATEWAY_USAGE_FLUSH_SECONDS": "3600"}
    async with FunctionsHost(ROOT, environment | slow) as host:
        question = {"model": "to-the-end", "messages": []}
        async with host.request("POST", "/v1/chat/completions", headers=product.client, json=question) as response:
            assert response.status == 200
        assert await host.terminate() == -signal.SIGTERM
    tables = AzureTables(connection=environment["AzureWebJobsStorage"])
    pages = [row for row in await tables.list("usage") if row.key.startswith("calls|")]
    await tables.close()
    packed = [value for row in pages for value in row.values.values() if isinstance(value, bytes)]
    assert any(b"to-the-end" in zlib.decompress(each) for each in packed)
