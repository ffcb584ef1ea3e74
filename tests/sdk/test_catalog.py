"""The catalog over HTTP: seed 002's requests as that document writes them, and its shapes."""

from __future__ import annotations

import aiohttp
import pytest

from gateway.storage.tenants import TenantStore
from tests.builders import tenant
from tests.server import Stack

# The example of that document, whose fields every model has.
EXAMPLE = {
    *("id", "provider", "model_name", "model_id", "model_version", "dimensions", "max_tokens", "model_type"),
    *("cost_per_million_tokens", "is_available", "is_deprecated", "requires_api_key", "created_at", "updated_at"),
}
CREATION = {
    "provider": "openai",
    "model_name": "Text Embedding 3 Small",
    "model_id": "text-embedding-3-small",
    "model_version": "3.0",
    "dimensions": 1536,
    "max_tokens": 8191,
    "cost_per_million_tokens": 0.02,
    "model_type": "embedding",
    "capabilities": {"supports_batching": True, "max_batch_size": 2048, "encoding": "cl100k_base"},
}
CHANGE = {"is_available": False, "is_deprecated": True, "cost_per_million_tokens": 0.015}


@pytest.fixture
async def writer(product: Stack) -> Stack:
    """The stack, whose tenant may change the catalog."""
    store = TenantStore(product.tables)
    await store.upsert("local", lambda before: tenant(permissions=("catalog:write",)))
    await product.gateway.registry.refresh(force=True)
    return product


async def test_the_documents_requests_work_as_written(writer: Stack) -> None:
    headers = {"X-API-Key": writer.api_key, "Content-Type": "application/json"}
    base = f"{writer.url}/api/v1/embedding-models"
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as client:
        for query in ("page=1&limit=20", "provider=bedrock&available_only=true", "type=embedding"):
            async with client.get(f"{base}/catalog?{query}") as answer:
                listed = await answer.json()
            assert set(listed) == {"models", "pagination"}
            assert set(listed["pagination"]) == {"page", "limit", "total", "pages"}
            assert len(listed["models"]) == 20
            assert all(set(each) >= EXAMPLE for each in listed["models"])
        async with client.post(f"{base}/catalog", json=CREATION) as answer:
            assert answer.status == 201
            made = await answer.json()
        assert {name: made[name] for name in CREATION} == CREATION
        async with client.put(f"{base}/catalog/{made['id']}", json=CHANGE) as answer:
            changed = await answer.json()
        assert changed == {**made, **CHANGE, "updated_at": changed["updated_at"]}
        async with client.get(f"{base}/catalog/{made['id']}") as answer:
            assert await answer.json() == changed
        async with client.delete(f"{base}/catalog/{made['id']}") as answer:
            assert answer.status == 204
        async with client.get(f"{base}/catalog/{made['id']}", raise_for_status=False) as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "Model not found")
        for path in (f"{base}/providers", f"{writer.url}/api/v1/embeddings/providers"):
            async with client.get(path) as answer:
                assert {"openai", "bedrock"} <= {each["name"] for each in (await answer.json())["providers"]}
        async with client.get(f"{writer.url}/api/v1/embeddings/models") as answer:
            assert {each["model_type"] for each in (await answer.json())["models"]} == {"embedding"}
