"""Gemini and Vertex, as the real Google SDK speaks to them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from simulator import Script, Simulator

# The SDK's own HTTP client, not ours.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

VERTEX = "/v1/projects/p/locations/l/publishers/google/models/gemini-x"
ASK = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}


def google(url: str, kind: str) -> genai.Client:
    options = types.HttpOptions(base_url=url)
    if kind == "gemini":
        return genai.Client(api_key="any", http_options=options)
    return genai.Client(vertexai=True, project="p", location="l", credentials=Credentials("any"), http_options=options)


@pytest.fixture(params=["gemini", "vertex"])
async def models(simulator: Simulator, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """The SDK's models at Gemini and at Vertex."""
    client = google(simulator.url, request.param)
    yield client.aio.models
    await client.aio.aclose()
    client.close()


async def test_content_is_generated(simulator: Simulator, models: Any) -> None:
    answer = await models.generate_content(
        model="gemini-x", contents="hello there", config={"system_instruction": "be kind"}
    )
    assert (answer.text, answer.model_version) == ("Hello from gemini-x at your service.", "gemini-x")
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (4, 6, 10)
    (received,) = simulator.received("gemini-x")
    assert received.authentication in ("x-goog-api-key", "bearer")


async def test_content_is_streamed(models: Any) -> None:
    stream = await models.generate_content_stream(model="gemini-x", contents="hello there")
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text for chunk in chunks) == "Hello from gemini-x at your service."
    assert [chunk.candidates[0].finish_reason for chunk in chunks] == [None] * 6 + ["STOP"]
    assert chunks[-1].usage_metadata.total_token_count == 8


async def test_a_stream_that_fails_says_so_in_band(simulator: Simulator, models: Any) -> None:
    simulator.script("gemini-x", Script(error_after=2))
    pieces = []
    with pytest.raises(errors.ServerError) as failed:
        async for chunk in await models.generate_content_stream(model="gemini-x", contents="hello"):
            pieces.append(chunk.text)
    assert (pieces, failed.value.status) == (["Hello", " from"], "UNAVAILABLE")


@pytest.mark.parametrize("query", ["", "?alt=sse"])
async def test_without_sse_a_stream_is_one_array(simulator: Simulator, client: Any, query: str) -> None:
    headers = {"x-goog-api-key": "any"}
    async with client.post(f"/v1beta/models/m:streamGenerateContent{query}", ASK, headers=headers) as answer:
        text = await answer.text()
        assert answer.content_type == ("text/event-stream" if query else "application/json")
    chunks = [json.loads(line[6:]) for line in text.split("\r\n\r\n") if line] if query else json.loads(text)
    assert [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks][:2] == ["Hello", " from"]
    assert len(chunks) == 7
    simulator.script("m", Script(error_after=0))
    async with client.post("/v1beta/models/m:streamGenerateContent", ASK, headers=headers) as answer:
        assert (await answer.text()).startswith('[{"error":{"code":503')


async def test_texts_are_embedded(models: Any) -> None:
    for name in ("text-embedding-005", "gemini-embedding-2"):
        answer = await models.embed_content(model=name, contents="hello", config={"output_dimensionality": 4})
        (only,) = answer.embeddings
        assert sum(value * value for value in only.values) == pytest.approx(1)
        assert len(only.values) == 4


async def test_several_texts_are_embedded_in_order(simulator: Simulator) -> None:
    client = google(simulator.url, "gemini")
    answer = await client.aio.models.embed_content(model="m", contents=["one", "two"])
    assert answer.embeddings is not None
    assert answer.embeddings[0].values != answer.embeddings[1].values
    await client.aio.aclose()
    client.close()


async def test_tokens_are_counted(models: Any) -> None:
    assert (await models.count_tokens(model="gemini-x", contents="one two three")).total_tokens == 3


async def test_gemini_s_models_are_listed(simulator: Simulator) -> None:
    client = google(simulator.url, "gemini")
    assert "models/gemini-2.5-flash" in [model.name async for model in await client.aio.models.list()]
    assert (await client.aio.models.get(model="gemini-x")).name == "models/gemini-x"
    await client.aio.aclose()
    client.close()


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "INVALID_ARGUMENT"), (403, "PERMISSION_DENIED"), (404, "NOT_FOUND"), (429, "RESOURCE_EXHAUSTED")],
)
async def test_errors_are_those_of_the_real_service(simulator: Simulator, models: Any, status: int, name: str) -> None:
    simulator.script("gemini-x", Script(status=status))
    for call in (models.generate_content, models.count_tokens):
        with pytest.raises(errors.ClientError) as refused:
            await call(model="gemini-x", contents="hello")
        assert (refused.value.code, refused.value.status) == (status, name)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1beta/models/m:generateContent", {}, 403),
        ("/v1beta/models/m:generateContent", {"x-goog-api-key": "wrong"}, 400),
        ("/v1beta/models/m:generateContent?key=wrong", {}, 400),
        ("/v1beta/models/m:generateContent", {"x-goog-api-key": "right"}, 200),
        ("/v1beta/models/m:generateContent?key=right", {}, 200),
        ("/v1beta/models/m:generateContent", {"Authorization": "Bearer right"}, 200),
        (f"{VERTEX}:generateContent", {"x-goog-api-key": "right"}, 401),
        (f"{VERTEX}:generateContent", {"Authorization": "Bearer wrong"}, 401),
        (f"{VERTEX}:generateContent", {"Authorization": "Bearer right"}, 200),
    ],
)
async def test_keys_are_taken_as_each_service_takes_them(
    simulator: Simulator, client: Any, path: str, headers: dict[str, str], status: int
) -> None:
    for name in ("m", "gemini-x"):
        simulator.script(name, Script(key="right"))
    async with client.post(path, ASK, headers=headers) as answer:
        assert answer.status == status
        if status == 400:
            assert (await answer.json())["error"]["details"][0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize("verb", ["embedContent", "batchEmbedContents", "predict", "generateContent"])
async def test_bodies_of_a_wrong_shape_do_not_break_it(client: Any, verb: str) -> None:
    odd = dict.fromkeys(("content", "requests", "instances", "contents", "embedContentConfig", "parameters"), 1)
    async with client.post(f"{VERTEX}:{verb}", odd, headers={"Authorization": "Bearer any"}) as answer:
        assert answer.status == 200


async def test_other_publishers_answer_in_openai_s_form(client: Any) -> None:
    models = "/v1/projects/p/locations/l/publishers/mistralai/models/mistral-x"
    headers = {"Authorization": "Bearer any"}
    body = {"model": "mistral-x", "messages": [{"role": "user", "content": "hi"}]}
    async with client.post(f"{models}:rawPredict", body, headers=headers) as answer:
        assert (await answer.json())["object"] == "chat.completion"
    async with client.post(f"{models}:streamRawPredict", {**body, "stream": True}, headers=headers) as answer:
        assert (await answer.text()).endswith("data: [DONE]\n\n")
