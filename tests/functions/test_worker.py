"""What the worker is told about the app, fires by the clock, logs and keeps in memory."""

from __future__ import annotations

import asyncio

from tests.functions.conftest import ROOT, Product
from tests.functions.harness.host import FunctionsHost

CHAT = "/v1/chat/completions"
REQUESTS = 4_000
AT_ONCE = 16
MOST_REFERENCES = 50
MOST_GROWTH_BYTES = 4 * 1024 * 1024  # half of what the worker would keep of so many requests without the shim


async def test_the_runtime_indexes_every_function(product: Product) -> None:
    assert {name: t.get("route", t.get("schedule")) for name, t in product.host.functions.items()} == {
        "management": "api/v1/management/{*path}",
        "endpoints": "api/3.0/mlflow/gateway/{*path}",
        "health": "health/{*path}",
        "data": "{*path}",
        "refresh_registry": "0 * * * * *",
        "deliver_webhooks": "15,45 * * * * *",
    }


async def test_the_timer_brings_another_instances_write_into_service(
    product: Product, environment: dict[str, str]
) -> None:
    question = {"model": "by-timer", "messages": []}
    async with FunctionsHost(ROOT, {**environment, "GATEWAY_REFRESH_SECONDS": "3600"}) as second:
        await second.timer("refresh_registry")
        await product.register("by-timer")
        async with second.request("POST", CHAT, headers=product.client, json=question) as response:
            assert response.status == 404

        await second.timer("refresh_registry")

        async with second.request("POST", CHAT, headers=product.client, json=question) as response:
            assert response.status == 200


async def test_a_setting_that_is_no_good_fails_the_invocation_and_is_named(environment: dict[str, str]) -> None:
    unresolved = "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/gateway-encryption-key)"
    async with FunctionsHost(ROOT, {**environment, "GATEWAY_ENCRYPTION_KEY": unresolved}) as host:
        async with host.request("GET", "/health") as response:
            assert response.status == 500

        assert "GATEWAY_ENCRYPTION_KEY" in host.failures[0]


async def test_a_request_adds_no_line_to_the_log(product: Product) -> None:
    await product.register("quiet")
    before = product.host.log()

    await _ask(product, "quiet", times=3)

    assert product.host.log() == before


async def test_four_thousand_requests_leave_no_references_and_no_memory_behind(product: Product) -> None:
    await product.register("enduring")
    await _ask(product, "enduring", times=REQUESTS // 2)
    before = await product.host.measure()

    await _ask(product, "enduring", times=REQUESTS)

    after = await product.host.measure()
    assert after.references < MOST_REFERENCES
    assert after.resident_bytes - before.resident_bytes < MOST_GROWTH_BYTES


async def _ask(product: Product, model: str, *, times: int) -> None:
    """Ask `model` so many times, 16 at once, every other call a stream."""

    async def ask_in_turn(calls: int) -> None:
        for number in range(calls):
            question = {"model": model, "messages": [], "stream": number % 2 == 1}
            async with product.host.request("POST", CHAT, headers=product.client, json=question) as response:
                await response.read()
                assert response.status == 200

    per_client, rest = divmod(times, AT_ONCE)
    await asyncio.gather(*(ask_in_turn(per_client + (number < rest)) for number in range(AT_ONCE)))
