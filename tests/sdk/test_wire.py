"""What reaches the upstream and what comes back, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import json
import os

import aiohttp
import pytest

from simulator.script import Script

ODD_BODY = (
    b'{ "model":"gpt-4o",  "messages":[{"role":"user","content":['
    b'{"type":"text","text":"\\u00e9\\ud83d\\ude00 \xc3\xa9"},'
    b'{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}],\n'
    b'"tools":[{"type":"function","function":{"name":"f","parameters":null}}], "temperature":1.0, "n":1e0,'
    b'"unknown_field":{"deep":[null,true]} }'
)


@pytest.fixture
async def http():
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


def sha(body):
    return hashlib.sha256(body).hexdigest()


def chat(product):
    return product.url + "/v1/chat/completions"


@pytest.mark.parametrize("megabytes", [0, 20])
async def test_a_body_reaches_an_azure_deployment_byte_for_byte(product, http, megabytes):
    await product.register("east")
    body = ODD_BODY
    if megabytes:
        image = base64.b64encode(os.urandom(megabytes * 750_000))
        body = ODD_BODY.replace(b"iVBORw0KGgo=", image)
    async with http.post(
        chat(product),
        data=aiohttp.BytesPayload(body) if not megabytes else _slices(body),
        headers={"authorization": f"Bearer {product.api_key}", "content-type": "application/json"},
    ) as answer:
        assert answer.status == 200, await answer.text()
    assert [each.body_sha256 for each in product.simulator.received("east")] == [sha(body)]


async def _slices(body):
    for start in range(0, len(body), 100_000):
        yield body[start : start + 100_000]


async def test_an_answer_comes_back_byte_for_byte(product, http):
    await product.register("east")
    odd = '{"choices": [ ],  "x":1.0,"t":"\\u00e9 é","n":null}'
    large = json.dumps({"data": "x" * 3_000_000})
    for text in (odd, large):
        product.simulator.script("east", Script(body=text))
        async with http.post(chat(product), data=ODD_BODY, headers={"api-key": product.api_key}) as answer:
            assert sha(await answer.read()) == sha(text.encode())


async def test_neither_keys_nor_platform_headers_pass_either_way(product, http):
    await product.register("east")
    sent = {
        "x-api-key": product.api_key,
        "cookie": "session=1",
        "x-forwarded-for": "1.2.3.4",
        "x-ms-invocation-id": "abc",
        "proxy-authorization": "secret",
        "x-custom": "1",
        "openai-beta": "assistants=v2",
    }
    async with http.post(chat(product), data=ODD_BODY, headers=sent) as answer:
        assert answer.status == 200
        assert "set-cookie" not in answer.headers
        assert "x-ms-region" not in answer.headers
        assert "x-ratelimit-remaining-tokens" in answer.headers
        assert answer.headers["x-gateway-deployment"] == "east"
        assert len(answer.headers["x-request-id"]) == 32
    received = product.simulator.received("east")[0].headers
    assert received["api-key"] == "key-of-east"
    assert received["openai-beta"] == "assistants=v2"
    assert not set(sent) - {"openai-beta"} & set(received)
    assert product.api_key not in str(received)


async def test_a_path_prefix_of_an_upstream_is_kept(product, http):
    await product.register("east", endpoint_url=product.simulator.url + "/behind/apim/")
    async with http.post(chat(product), data=ODD_BODY, headers={"api-key": product.api_key}) as answer:
        assert answer.status == 200
    assert product.simulator.received("east")[0].path == "/behind/apim/openai/deployments/east/chat/completions"


async def test_an_openai_upstream_gets_its_own_model_name_and_nothing_else_changes(product, http):
    await product.register("gpt-x", provider="openai_compatible", endpoint_url=product.simulator.url + "/v1")
    async with http.post(chat(product), data=ODD_BODY, headers={"api-key": product.api_key}) as answer:
        assert answer.status == 200, await answer.text()
    assert product.simulator.received("gpt-x")[0].body_sha256 == sha(ODD_BODY.replace(b"gpt-4o", b"gpt-x"))


@pytest.mark.parametrize("body", [b"", b'{"model"', b"a=b", b"[]"])
async def test_a_broken_body_is_400_before_any_upstream_is_called(product, http, body):
    await product.register("east")
    async with http.post(chat(product), data=body, headers={"api-key": product.api_key}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "invalid_json"
    assert product.simulator.received() == []
