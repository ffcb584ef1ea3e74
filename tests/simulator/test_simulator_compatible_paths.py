"""The providers' OpenAI-compatible paths, and reranking."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from simulator import Script, Simulator

BASES = {
    "openai": "/v1",
    "azure": "/openai/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta/openai",
    "vertex": "/v1/projects/p/locations/l/endpoints/openapi",
    "vertex of old": "/v1beta1/projects/p/locations/l/endpoints/openapi",
    "bedrock": "/openai/v1",
    "cohere": "/compatibility/v1",
    "mistral": "/v1",
    "voyage": "/voyage/v1",
}
DOCUMENTS = ["about fish", {"text": "about green tea"}, "tea"]


@pytest.mark.parametrize("base", BASES.values(), ids=BASES.keys())
async def test_every_provider_speaks_openai_too(simulator: Simulator, base: str) -> None:
    async with openai.AsyncOpenAI(base_url=simulator.url + base, api_key="any", max_retries=0) as sdk:
        say: Any = [{"role": "user", "content": "hi"}]
        answer = await sdk.chat.completions.create(model="org/east", messages=say)
        assert answer.choices[0].message.content == "Hello from org/east at your service."
        stream = await sdk.chat.completions.create(model="org/east", messages=say, stream=True)
        assert [chunk.choices[0].finish_reason async for chunk in stream][-1] == "stop"
        assert (await sdk.embeddings.create(model="org/east", input="hi")).usage.total_tokens == 1
        assert (await sdk.models.list()).data
    assert {received.authentication for received in simulator.received()} == {"bearer"}


@pytest.mark.parametrize("version", ["1", "2"])
async def test_documents_are_ranked_in_cohere_s_form(client: Any, version: str) -> None:
    body = {"model": "rerank-x", "query": "green tea", "documents": DOCUMENTS, "top_n": 2}
    async with client.post(f"/v{version}/rerank", body, headers={"Authorization": "Bearer any"}) as answer:
        value = await answer.json()
    assert value["results"] == [{"index": 1, "relevance_score": 1.0}, {"index": 2, "relevance_score": 0.5}]
    assert value["meta"] == {"api_version": {"version": version}, "billed_units": {"search_units": 1}}
    assert "x-debug-trace-id" in answer.headers


async def test_documents_are_ranked_in_voyage_s_form(client: Any) -> None:
    body = {"model": "rerank-x", "query": "green tea", "documents": DOCUMENTS, "top_k": 1, "return_documents": True}
    async with client.post("/voyage/v1/rerank", body, headers={"Authorization": "Bearer any"}) as answer:
        value = await answer.json()
    assert value["data"] == [{"index": 1, "relevance_score": 1.0, "document": DOCUMENTS[1]}]
    assert (value["object"], value["model"], value["usage"]) == ("list", "rerank-x", {"total_tokens": 8})


@pytest.mark.parametrize(
    ("path", "field"), [("/v1/rerank", "message"), ("/v2/rerank", "message"), ("/voyage/v1/rerank", "detail")]
)
async def test_rerankers_have_errors_of_their_own(simulator: Simulator, client: Any, path: str, field: str) -> None:
    body = {"model": "rerank-x", "query": "tea", "documents": DOCUMENTS}
    async with client.post(path, body, headers={"api-key": "neither takes this"}) as answer:
        assert (answer.status, set(await answer.json())) == (401, {field})
    headers = {"Authorization": "Bearer any"}
    async with client.post(path, {"model": "rerank-x", "query": "tea"}, headers=headers) as answer:
        assert (answer.status, (await answer.json())[field]) == (400, "Missing required parameter: 'documents'.")
    async with client.post(path, {**body, "documents": "none"}, headers=headers) as answer:
        assert answer.status == 200
    simulator.script("rerank-x", Script(status=429))
    async with client.post(path, body, headers=headers) as answer:
        assert (answer.status, set(await answer.json())) == (429, {field})


async def test_unknown_operations_are_refused_in_the_provider_s_form(client: Any) -> None:
    for path, field in (
        ("/v1/messages/nothing", "type"),
        ("/v1beta/models/m:nothing", "error"),
        ("/model/m/nothing", "message"),
        ("/v1/projects/p/locations/l/publishers/google/models/m:nothing", "error"),
        ("/openai/nothing", "error"),
    ):
        async with client.post(path, {}) as answer:
            assert (answer.status, field in await answer.json()) == (404, True), path
