"""Collections by the OpenAI SDK: kept with `extra_body`, searched over HTTP, without a trace for the upstream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import openai
import pytest

from gateway.registry.tenants import compose
from gateway.storage.tenants import TenantStore
from tests.builders import api_key, tenant
from tests.server import Stack

MODEL = "text-embedding-3-small"
OTHER = compose("other0", "s3cret-of-the-other")
TEXTS = ["cats purr", "dogs bark", "birds sing"]
ANIMALS: dict[str, Any] = {
    "collection": "animals",
    "ids": ["cat", "dog", "bird"],
    "metadata": [{"legs": 4, "sound": "purr"}, {"legs": 4, "sound": "bark"}, {"legs": 2, "sound": "sing"}],
}


@pytest.fixture
async def embedder(product: Stack) -> Stack:
    """The stack with a deployment that embeds, and a second tenant."""
    await product.register("vectors", deployment_class="openai-embeddings", operations=("embedding",))
    store = TenantStore(product.tables)
    await store.create(tenant(id="other"))
    await store.create_key(api_key(OTHER, tenant_id="other"))
    await product.gateway.registry.refresh(force=True)
    return product


@pytest.fixture
async def http(embedder: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"X-API-Key": embedder.api_key}) as session:
        yield session


async def ask(
    http: aiohttp.ClientSession, embedder: Stack, method: str, path: str, body: Any = None, key: str | None = None
) -> tuple[int, Any]:
    """The status and the JSON of a call under /api/v1/embeddings."""
    headers = {"X-API-Key": key} if key else {}
    url = f"{embedder.url}/api/v1/embeddings{path}"
    async with http.request(method, url, json=body, headers=headers) as answer:
        return answer.status, json.loads(await answer.read() or b"null")


async def keep(client: openai.AsyncOpenAI, **more: Any) -> Any:
    return await client.embeddings.create(model=MODEL, input=TEXTS, extra_body=ANIMALS, **more)


async def test_what_the_sdk_keeps_is_found_by_its_text(
    embedder: Stack, client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    made = await keep(client)
    assert len(made.data) == 3
    status, found = await ask(http, embedder, "POST", "/search", {"collection": "animals", "query": "dogs bark"})
    assert status == 200
    assert set(found) == {"object", "collection", "model", "data", "usage"}
    assert (found["object"], found["collection"], found["model"]) == ("list", "animals", MODEL)
    best = found["data"][0]
    assert (best["object"], best["id"], best["metadata"]) == ("embedding.match", "dog", ANIMALS["metadata"][1])
    assert best["score"] == pytest.approx(1.0)
    assert len(found["data"]) == 3 and found["usage"]["total_tokens"] > 0
    vector = made.data[2].embedding
    filtered = {"collection": "animals", "vector": vector, "filter": {"legs": {"$gte": 4}}, "top_k": 1}
    status, found = await ask(http, embedder, "POST", "/search", filtered)
    assert [each["metadata"]["legs"] for each in found["data"]] == [4]
    assert "usage" not in found


@pytest.mark.parametrize("form", ["float", "base64"])
async def test_the_upstream_never_sees_the_own_fields_and_the_answer_is_the_same(
    embedder: Stack, client: openai.AsyncOpenAI, form: Any
) -> None:
    plain = await client.embeddings.with_raw_response.create(model=MODEL, input=TEXTS, encoding_format=form)
    kept = await client.embeddings.with_raw_response.create(
        model=MODEL, input=TEXTS, encoding_format=form, extra_body=ANIMALS
    )
    assert kept.content == plain.content
    before, after = (json.loads(each.body) for each in embedder.simulator.received("vectors"))
    assert before == after and not set(after) & set(ANIMALS)


async def test_a_collection_of_shorter_vectors_is_searched_with_shorter_ones(
    embedder: Stack, client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    await keep(client, dimensions=64)
    status, found = await ask(http, embedder, "POST", "/search", {"collection": "animals", "query": "cats purr"})
    assert (status, found["data"][0]["id"]) == (200, "cat")
    status, found = await ask(http, embedder, "POST", "/search", {"collection": "animals", "vector": [1.0] * 8})
    assert status == 400 and "64 dimensions" in found["details"]
    with pytest.raises(openai.BadRequestError, match="64 dimensions"):
        await keep(client)


async def test_two_tenants_with_the_same_name_of_a_collection_never_see_each_other(
    embedder: Stack, client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    await keep(client)
    by_text = {"collection": "animals", "query": "cats purr"}
    status, said = await ask(http, embedder, "POST", "/search", by_text, key=OTHER)
    assert (status, said["error"]) == (404, "Not found")
    async with openai.AsyncOpenAI(base_url=embedder.url + "/v1", api_key=OTHER, max_retries=0) as other:
        await other.embeddings.create(model=MODEL, input="cats purr", extra_body={"collection": "animals"})
    _, found = await ask(http, embedder, "POST", "/search", by_text, key=OTHER)
    assert len(found["data"]) == 1 and found["data"][0]["id"] not in ANIMALS["ids"]
    _, found = await ask(http, embedder, "POST", "/search", by_text)
    assert {each["id"] for each in found["data"]} == set(ANIMALS["ids"])


async def test_collections_are_listed_emptied_and_deleted(
    embedder: Stack, client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    await keep(client)
    await keep(client)
    _, listed = await ask(http, embedder, "GET", "/collections")
    assert [(each["name"], each["count"], each["dimensions"]) for each in listed["data"]] == [("animals", 3, 8)]
    assert (await ask(http, embedder, "DELETE", "/collections/animals/vectors/cat"))[0] == 204
    _, removed = await ask(http, embedder, "DELETE", "/collections/animals/vectors", {"ids": ["dog", "cat"]})
    assert removed["deleted"] == 1
    assert (await ask(http, embedder, "GET", "/collections/animals"))[1]["count"] == 1
    assert (await ask(http, embedder, "DELETE", "/collections/animals"))[0] == 204
    assert (await ask(http, embedder, "GET", "/collections/animals"))[0] == 404


async def test_what_can_not_be_kept_is_refused_before_the_upstream_is_called(
    embedder: Stack, client: openai.AsyncOpenAI
) -> None:
    for own, param in [
        ({"ids": ["1"]}, "ids"),
        ({"collection": "a/b"}, "collection"),
        ({"collection": "a", "ids": ["1"]}, "ids"),
        ({"collection": "a", "metadata": [1, 2, 3]}, "metadata[0]"),
    ]:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.embeddings.create(model=MODEL, input=TEXTS, extra_body=own)
        assert refused.value.param == param
    assert embedder.simulator.received("vectors") == []


async def test_what_storage_does_not_take_is_no_success(embedder: Stack, client: openai.AsyncOpenAI) -> None:
    await keep(client)
    embedder.tables.available = False  # type: ignore[attr-defined]
    with pytest.raises(openai.InternalServerError, match="could not be kept") as refused:
        await keep(client)
    assert refused.value.code == "storage_unavailable" and "retry-after" in refused.value.response.headers
    assert len((await client.embeddings.create(model=MODEL, input=TEXTS)).data) == 3
