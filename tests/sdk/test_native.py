"""The providers' own SDKs, pointed at the pass-through."""

from __future__ import annotations

import asyncio

import anthropic
import boto3
import pytest
from botocore.config import Config
from google import genai
from google.genai.types import HttpOptions
from google.oauth2.credentials import Credentials

from simulator.script import Script

MESSAGES = [{"role": "user", "content": "ping"}]


async def register(product, provider, **fields):
    native = {"deployment_class": provider, "operations": (provider,), "provider": provider}
    for name in ("east", "west"):
        await product.register(name, **{**native, "endpoint_url": product.simulator.url, **fields})


def base(product, provider):
    return f"{product.url}/api/v1/passthrough/{provider}"


async def test_anthropics_sdk_asks_and_streams(product):
    await register(product, "anthropic")
    async with anthropic.AsyncAnthropic(
        base_url=base(product, "anthropic"), api_key=product.api_key, max_retries=0
    ) as client:
        answer = await client.messages.create(model="claude", max_tokens=10, messages=MESSAGES)
        assert answer.content[0].text
        async with client.messages.stream(model="claude", max_tokens=10, messages=MESSAGES) as stream:
            assert "".join([text async for text in stream.text_stream])
        assert (await client.messages.count_tokens(model="claude", messages=MESSAGES)).input_tokens > 0
    received = product.simulator.received()
    assert all(product.api_key not in str(each.headers) for each in received)
    assert {each.headers["x-api-key"] for each in received} == {"key-of-east", "key-of-west"}


async def test_a_failing_anthropic_deployment_is_hidden_and_rests(product):
    await register(product, "anthropic")
    product.simulator.script("east", Script(status=529))
    async with anthropic.AsyncAnthropic(
        base_url=base(product, "anthropic"), api_key=product.api_key, max_retries=0
    ) as client:
        for _ in range(4):
            await client.messages.create(model="claude", max_tokens=10, messages=MESSAGES)
    assert len(product.simulator.received("east")) == 1


async def test_an_anthropic_stream_that_is_cut_raises_its_own_error(product):
    await register(product, "anthropic")
    for name in ("east", "west"):
        product.simulator.script(name, Script(cut_after=1))
    async with anthropic.AsyncAnthropic(
        base_url=base(product, "anthropic"), api_key=product.api_key, max_retries=0
    ) as client:
        with pytest.raises(anthropic.APIError):
            async with client.messages.stream(model="claude", max_tokens=10, messages=MESSAGES) as stream:
                assert [text async for text in stream.text_stream]


def use_gemini(client):
    assert client.models.generate_content(model="gemini-pro", contents="ping").text
    assert "".join(
        part.text or "" for part in client.models.generate_content_stream(model="gemini-pro", contents="ping")
    )
    assert client.models.count_tokens(model="gemini-pro", contents="ping").total_tokens > 0


async def test_googles_sdk_asks_and_streams_gemini(product):
    await register(product, "gemini")
    client = genai.Client(api_key=product.api_key, http_options=HttpOptions(base_url=base(product, "gemini")))
    await asyncio.to_thread(use_gemini, client)
    assert {each.deployment for each in product.simulator.received()} == {"east", "west"}
    assert {each.headers["x-goog-api-key"] for each in product.simulator.received()} == {"key-of-east", "key-of-west"}


async def test_googles_sdk_asks_and_streams_vertex(product, monkeypatch):
    async def bearer(self, account):
        return "google-" + account

    monkeypatch.setattr("gateway.upstream.google.GoogleTokens.bearer", bearer)
    await register(product, "vertex", endpoint_url=product.simulator.url + "/v1/projects/p/locations/l")
    client = genai.Client(
        vertexai=True,
        project="p",
        location="l",
        credentials=Credentials(token=product.api_key),
        http_options=HttpOptions(base_url=base(product, "vertex")),
    )
    await asyncio.to_thread(use_gemini, client)
    assert product.simulator.received()[0].headers["authorization"].startswith("Bearer google-key-of-")


def use_bedrock(product):
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=base(product, "bedrock"),
        aws_access_key_id="unused",
        aws_secret_access_key="unused",
        config=Config(retries={"max_attempts": 1}),
    )
    # Over TLS AWS_BEARER_TOKEN_BEDROCK does this; boto3 sends no bearer in the clear.
    client.meta.events.register(
        "request-created.bedrock-runtime", lambda request, **_: request.headers.add_header("x-api-key", product.api_key)
    )
    message = {"role": "user", "content": [{"text": "ping"}]}
    model = "anthropic.claude-3-haiku-20240307-v1:0"
    assert client.converse(modelId=model, messages=[message])["output"]["message"]["content"]
    events = list(client.converse_stream(modelId=model, messages=[message])["stream"])
    assert any("contentBlockDelta" in event for event in events)
    body = '{"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"messages":[{"role":"user","content":"ping"}]}'
    assert client.invoke_model(modelId=model, body=body)["body"].read()
    assert list(client.invoke_model_with_response_stream(modelId=model, body=body)["body"])
    client.close()


async def test_boto3_asks_and_streams_bedrock(product):
    await register(product, "bedrock", region="us-east-1")
    await asyncio.to_thread(use_bedrock, product)
    received = product.simulator.received()
    assert len(received) == 4
    assert {each.headers["authorization"] for each in received} == {"Bearer key-of-east", "Bearer key-of-west"}
