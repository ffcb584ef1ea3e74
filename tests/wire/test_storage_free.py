"""Calls pay no storage operations of their own, with limits and usage on."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from gateway.registry.limits import Limits
from gateway.storage.tenants import TenantStore
from tests.builders import tenant
from tests.server import stack

CALLS, AT_ONCE = 1_000, 32


@pytest.mark.parametrize("limits", [Limits(), Limits(rpm=100_000, tpm=10**9, daily_token_limit=10**9)])
async def test_a_thousand_calls_cost_fewer_than_fifty_storage_operations(limits: Limits) -> None:
    async with stack() as product, aiohttp.ClientSession() as http:
        await TenantStore(product.tables).upsert("local", lambda _: tenant(limits=limits))
        await product.register("east", "west")
        before = product.tables.calls.total()
        gate = asyncio.Semaphore(AT_ONCE)

        async def call() -> None:
            async with (
                gate,
                http.post(
                    f"{product.url}/v1/chat/completions",
                    json={"model": "any", "messages": [], "max_tokens": 10},
                    headers={"api-key": product.api_key},
                ) as answer,
            ):
                assert answer.status == 200
                await answer.read()

        await asyncio.gather(*(call() for _ in range(CALLS)))
        await product.gateway._parts._recorder.flush()
        assert product.tables.calls.total() - before < 50
        pages = [row for row in await product.tables.list("usage") if row.key.startswith("calls|")]
        assert len(pages) >= 1
