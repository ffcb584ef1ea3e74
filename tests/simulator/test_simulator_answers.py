"""The simulator's good answers, as the real OpenAI SDK reads them."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import pytest

SAY = [{"role": "user", "content": "please say hello"}]


async def test_chat_names_its_deployment_and_counts_words(azure: Any, plain: Any) -> None:
    for sdk in (azure, plain):
        answer = await sdk.chat.completions.create(model="east", messages=SAY)
        assert answer.id.startswith("chatcmpl-")
        assert answer.model == "east"
        assert answer.choices[0].message.content == "Hello from east at your service."
        assert answer.choices[0].finish_reason == "stop"
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (3, 6, 9)
        assert answer.usage.prompt_tokens_details.cached_tokens == 0
        assert answer.system_fingerprint


async def test_only_azure_answers_carry_filter_results(azure: Any, plain: Any) -> None:
    from_azure = (await azure.chat.completions.create(model="east", messages=SAY)).model_dump()
    from_openai = (await plain.chat.completions.create(model="east", messages=SAY)).model_dump()
    assert "prompt_filter_results" in from_azure
    assert "content_filter_results" in from_azure["choices"][0]
    assert "prompt_filter_results" not in from_openai


async def test_words_of_vision_parts_are_counted_and_pictures_are_not(plain: Any) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [{"type": "text", "text": "what is this"}, picture]
    answer = await plain.chat.completions.create(model="east", messages=[{"role": "user", "content": parts}])
    assert answer.usage.prompt_tokens == 3


async def test_completion(azure: Any, plain: Any) -> None:
    for sdk in (azure, plain):
        answer = await sdk.completions.create(model="west", prompt="one two")
        assert answer.id.startswith("cmpl-")
        assert answer.choices[0].text == "Hello from west at your service."
        assert answer.usage.prompt_tokens == 2


async def test_embeddings_depend_on_the_input_alone(azure: Any, plain: Any) -> None:
    both = await azure.embeddings.create(model="east", input=["first text", "second"])
    again = await plain.embeddings.create(model="west", input="first text", encoding_format="float")
    assert [item.index for item in both.data] == [0, 1]
    assert len(both.data[0].embedding) == 8
    assert both.data[0].embedding == again.data[0].embedding
    assert both.data[0].embedding != both.data[1].embedding
    assert sum(x * x for x in both.data[0].embedding) == pytest.approx(1)
    assert both.usage.prompt_tokens == 3


async def test_embeddings_honour_dimensions_and_base64(plain: Any) -> None:
    floats = await plain.embeddings.create(model="east", input="text", dimensions=5, encoding_format="float")
    packed = await plain.embeddings.create(model="east", input="text", dimensions=5, encoding_format="base64")
    decoded = struct.unpack("<5f", base64.b64decode(packed.data[0].embedding))
    assert list(decoded) == floats.data[0].embedding


async def test_a_list_of_token_ids_is_one_input(plain: Any) -> None:
    one = await plain.embeddings.create(model="east", input=[1, 2, 3])
    two = await plain.embeddings.create(model="east", input=[[1, 2, 3], [4]])
    assert (len(one.data), one.usage.prompt_tokens) == (1, 3)
    assert (len(two.data), two.usage.prompt_tokens) == (2, 4)
    assert one.data[0].embedding == two.data[0].embedding


async def test_images_are_real_png_as_many_as_asked_for(azure: Any) -> None:
    answer = await azure.images.generate(model="east", prompt="a dot", n=2)
    assert len(answer.data) == 2
    assert answer.data[0].revised_prompt == "Drawn by east: a dot"
    png = base64.b64decode(answer.data[0].b64_json)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    offset, kinds = 8, []
    while offset < len(png):
        (size,) = struct.unpack_from(">I", png, offset)
        body = png[offset + 4 : offset + 8 + size]
        assert struct.unpack_from(">I", png, offset + 8 + size) == (zlib.crc32(body),)
        kinds.append(body[:4])
        if body[:4] == b"IDAT":
            assert len(zlib.decompress(body[4:])) == 2
        offset += 12 + size
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


async def test_openai_images_have_no_filter_results(plain: Any) -> None:
    (drawn,) = (await plain.images.generate(model="east", prompt="a dot")).data
    assert "content_filter_results" not in drawn.model_dump()


async def test_models_are_listed(plain: Any) -> None:
    listed = [model.id async for model in plain.models.list()]
    assert "gpt-4o" in listed


async def test_streams_hold_the_same_text_and_usage_as_plain_answers(azure: Any, plain: Any) -> None:
    for sdk in (azure, plain):
        whole = await sdk.chat.completions.create(model="east", messages=SAY)
        stream = await sdk.chat.completions.create(
            model="east", messages=SAY, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        content = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
        assert "".join(content) == whole.choices[0].message.content
        assert chunks[-1].usage == whole.usage
        assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


async def test_completion_streams(azure: Any) -> None:
    stream = await azure.completions.create(model="east", prompt="one", stream=True)
    text = [choice.text async for chunk in stream for choice in chunk.choices]
    assert "".join(text) == "Hello from east at your service."


async def test_headers_are_those_of_the_real_services(azure: Any, plain: Any) -> None:
    headers = (await azure.chat.completions.with_raw_response.create(model="east", messages=SAY)).headers
    assert headers["x-request-id"] == headers["apim-request-id"]
    assert headers["x-ms-region"] == "East US"
    headers = (await plain.chat.completions.with_raw_response.create(model="east", messages=SAY)).headers
    assert headers["openai-version"] == "2020-10-01"
    for name in ("limit-requests", "limit-tokens", "remaining-requests", "remaining-tokens"):
        assert int(headers[f"x-ratelimit-{name}"]) > 0
    assert int(headers["openai-processing-ms"]) > 0
    assert headers["set-cookie"]


async def test_a_missing_field_is_refused_by_name(client: Any) -> None:
    for path, missing in (("chat/completions", "messages"), ("embeddings", "input"), ("images/generations", "prompt")):
        async with client.post(f"/v1/{path}", {"model": "east"}) as answer:
            assert answer.status == 400
            assert missing in (await answer.json())["error"]["message"]
    async with client.post("/v1/embeddings", {"input": "text"}) as answer:
        assert (answer.status, await answer.json()) == (
            400,
            {
                "error": {
                    "message": "you must provide a model parameter",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": None,
                }
            },
        )


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_refused(client: Any, body: bytes) -> None:
    url = f"{client.url}/v1/embeddings"
    async with client.session.post(url, data=body, headers={"api-key": "any"}) as answer:
        assert answer.status == 400


async def test_an_azure_path_without_api_version_is_not_found(client: Any) -> None:
    async with client.post("/openai/deployments/east/embeddings", {"input": "text"}) as answer:
        assert (answer.status, (await answer.json())["error"]["message"]) == (404, "Resource not found")


async def test_an_unknown_path_or_method_is_not_found(client: Any) -> None:
    for path in ("/", "/v1/nothing", "/v1/models", "/openai/deployments/east/nothing?api-version=1"):
        async with client.post(path, {}) as answer:
            assert answer.status == 404
            assert "Unknown request URL" in (await answer.json())["error"]["message"]
