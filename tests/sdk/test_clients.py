"""Every client that people point at the gateway."""

from __future__ import annotations

import asyncio
import base64

import openai
import pytest

MESSAGES = [{"role": "user", "content": "ping"}]


OPENAI_PREFIXES = ("/v1", "/api/v1", "/openai/v1")
AZURE_PREFIXES = ("", "/api/v1")


def azure(product, prefix):
    return {
        "azure_endpoint": product.url + prefix,
        "api_key": product.api_key,
        "api_version": "2024-10-21",
        "max_retries": 0,
    }


def use(client):
    """Chat, stream and list the models; the text that streamed and the models' ids."""
    with client:
        assert "east" in client.chat.completions.create(model="gpt-4o", messages=MESSAGES).choices[0].message.content
        stream = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        return text, [model.id for model in client.models.list().data]


async def use_async(client):
    """The same with an asynchronous client."""
    async with client:
        answer = await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        assert "east" in answer.choices[0].message.content
        stream = await client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        return text, [model.id for model in (await client.models.list()).data]


@pytest.mark.parametrize("prefix", OPENAI_PREFIXES)
async def test_openais_clients_chat_stream_and_list_models(product, prefix):
    await product.register("east")
    options = {"base_url": product.url + prefix, "api_key": product.api_key, "max_retries": 0}
    for text, models in (
        await asyncio.to_thread(use, openai.OpenAI(**options)),
        await use_async(openai.AsyncOpenAI(**options)),
    ):
        assert "east" in text
        assert models == ["east"]


@pytest.mark.parametrize("prefix", AZURE_PREFIXES)
async def test_azures_clients_chat_stream_and_list_models(product, prefix):
    await product.register("east")
    for text, models in (
        await asyncio.to_thread(use, openai.AzureOpenAI(**azure(product, prefix))),
        await use_async(openai.AsyncAzureOpenAI(**azure(product, prefix))),
    ):
        assert "east" in text
        assert models == ["east"]


@pytest.mark.parametrize("provider", ["azure", "openai_compatible"])
async def test_the_first_four_operations_through_the_sdk(product, client, provider):
    for name, operation_class, operation in (
        ("chat", "openai-chat", "chat"),
        ("text", "openai-completions", "completion"),
        ("vectors", "openai-embeddings", "embedding"),
        ("pictures", "openai-images-generations", "image_generation"),
    ):
        url = product.simulator.url + ("" if provider == "azure" else "/v1")
        fields = {"deployment_class": operation_class, "operations": (operation,), "provider": provider}
        await product.register(name, **fields, endpoint_url=url)
    stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    assert "chat" in "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    chat = await client.chat.completions.create(model="m", messages=MESSAGES)
    assert chat.usage.total_tokens > 0
    completion = await client.completions.create(model="m", prompt="ping")
    assert "text" in completion.choices[0].text
    embedding = await client.embeddings.create(model="m", input=["one", "two"])
    assert len(embedding.data) == 2
    image = await client.images.generate(model="m", prompt="a dot")
    assert base64.b64decode(image.data[0].b64_json).startswith(b"\x89PNG")


async def test_an_unknown_key_raises_the_sdks_authentication_error(product):
    await product.register("east")
    async with openai.AsyncOpenAI(base_url=product.url + "/v1", api_key="rh-local0-wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.chat.completions.create(model="m", messages=MESSAGES)
    assert caught.value.code == "invalid_api_key"
    assert product.simulator.received() == []


async def test_an_unknown_model_raises_not_found_and_names_the_models(product, client):
    await product.register("east", models=("gpt-4o",))
    with pytest.raises(openai.NotFoundError, match="gpt-4o") as caught:
        await client.chat.completions.create(model="unknown", messages=MESSAGES)
    assert caught.value.code == "model_not_found"
    model = await client.models.retrieve("gpt-4o")
    assert model.owned_by == "azure"


async def test_an_unsupported_operation_says_what_is_supported(product, client):
    await product.register("east", models=("gpt-4o",))
    with pytest.raises(openai.BadRequestError, match="it supports: chat") as caught:
        await client.embeddings.create(model="gpt-4o", input="x")
    assert caught.value.code == "operation_not_supported"
