"""Files and batches through the real OpenAI SDK, and what large ones cost."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import openai
import pytest

from simulator import Script, Simulator
from simulator.multipart import KEPT_PART_BYTES

LINES = [
    {"custom_id": f"call-{number}", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-x", **body}}
    for number, body in enumerate(({"messages": [{"role": "user", "content": "hi"}]}, {"messages": []}))
]


async def upload(sdk: Any, content: bytes = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)) -> Any:
    return await sdk.files.create(file=("input.jsonl", content), purpose="batch")


async def begin(sdk: Any, file_id: str, endpoint: Any = "/v1/chat/completions") -> Any:
    return await sdk.batches.create(input_file_id=file_id, endpoint=endpoint, completion_window="24h")


async def test_a_file_is_stored_read_back_and_deleted(sdk: Any) -> None:
    made = await upload(sdk, b"some bytes \x00\xff")
    assert (made.filename, made.bytes, made.purpose, made.status) == ("input.jsonl", 13, "batch", "processed")
    assert await sdk.files.retrieve(made.id) == made
    assert (await sdk.files.content(made.id)).content == b"some bytes \x00\xff"
    assert (await sdk.files.delete(made.id)).deleted
    for call in (sdk.files.retrieve, sdk.files.content, sdk.files.delete):
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {made.id}"):
            await call(made.id)


async def test_files_are_listed_newest_first_in_pages_and_by_purpose(sdk: Any) -> None:
    made = [(await upload(sdk)).id for _ in range(3)]
    assert [file.id async for file in sdk.files.list(limit=2)] == made[::-1]
    assert [file.id async for file in sdk.files.list(order="asc")] == made
    assert [file.id async for file in sdk.files.list(purpose="vision")] == []
    page = await sdk.files.list(limit=2)
    assert (len(page.data), page.has_more) == (2, True)


async def test_of_a_large_file_no_content_is_kept(sdk: Any) -> None:
    small = await upload(sdk, bytes(KEPT_PART_BYTES))
    large = await upload(sdk, bytes(KEPT_PART_BYTES + 1))
    assert len((await sdk.files.content(small.id)).content) == KEPT_PART_BYTES
    assert large.bytes == KEPT_PART_BYTES + 1
    with pytest.raises(openai.NotFoundError, match="keeps no content"):
        await sdk.files.content(large.id)


async def test_a_script_makes_any_content_large(simulator: Simulator, sdk: Any) -> None:
    made = await upload(sdk)
    simulator.script("east", Script(chunks=50, chunk_bytes=100_000))
    assert len((await sdk.files.content(made.id)).content) == 5_000_000


async def test_a_field_in_the_place_of_a_file_is_refused(client: Any) -> None:
    form = aiohttp.FormData({"purpose": "batch", "file": "text"}, default_to_multipart=True)
    async with client.session.post(f"{client.url}/v1/files", data=form, headers={"api-key": "any"}) as answer:
        assert (answer.status, (await answer.json())["error"]["param"]) == (400, "file")


async def test_a_batch_completes_as_it_is_fetched_and_its_output_answers_each_line(sdk: Any) -> None:
    batch = await begin(sdk, (await upload(sdk)).id)
    assert batch.status == "validating"
    assert (await sdk.batches.retrieve(batch.id)).status == "in_progress"
    done = await sdk.batches.retrieve(batch.id)
    assert (done.status, done.request_counts.total, done.request_counts.completed) == ("completed", 2, 2)
    output = [json.loads(line) for line in (await sdk.files.content(done.output_file_id)).text.splitlines()]
    assert [line["custom_id"] for line in output] == ["call-0", "call-1"]
    answer = output[0]["response"]["body"]
    assert (answer["model"], answer["choices"][0]["message"]["content"]) == (
        "gpt-x",
        "Hello from east at your service.",
    )
    assert await sdk.batches.retrieve(batch.id) == done
    assert [each.id async for each in sdk.batches.list()] == [batch.id]


async def test_a_batch_is_cancelled_until_it_is_done(sdk: Any) -> None:
    batch = await begin(sdk, (await upload(sdk)).id)
    assert (await sdk.batches.cancel(batch.id)).status == "cancelling"
    assert (await sdk.batches.retrieve(batch.id)).status == "cancelled"
    with pytest.raises(openai.ConflictError, match="Cannot cancel a batch with status 'cancelled'"):
        await sdk.batches.cancel(batch.id)


@pytest.mark.parametrize("content", [b"{", b'{"custom_id": "a"}', b'{"custom_id": "a", "body": {"messages": []}}'])
async def test_a_batch_of_bad_lines_fails(sdk: Any, content: bytes) -> None:
    batch = await begin(sdk, (await upload(sdk, content)).id)
    failed = await sdk.batches.retrieve(batch.id)
    assert (failed.status, failed.errors.data[0].code) == ("failed", "invalid_json_line")


async def test_a_batch_names_a_known_endpoint_and_a_file_of_its_own_deployment(simulator: Simulator, sdk: Any) -> None:
    file = await upload(sdk)
    with pytest.raises(openai.BadRequestError) as refused:
        await begin(sdk, file.id, "/v1/nothing")
    assert refused.value.param == "endpoint"
    elsewhere = sdk.with_options(base_url=str(sdk.base_url).replace("/accounts/east/", "/accounts/west/"))
    with pytest.raises(openai.NotFoundError):
        await begin(elsewhere, file.id)
    assert simulator.received("west")[0].answered_status == 404


async def test_batch_is_another_name_for_batches(client: Any, plain: Any) -> None:
    file = await upload(plain)
    body = {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    async with client.post("/v1/batch", body) as answer:
        batch = (await answer.json())["id"]
    headers = {"api-key": "any"}
    async with client.session.get(f"{client.url}/v1/batch", headers=headers) as answer:
        assert [each["id"] for each in (await answer.json())["data"]] == [batch]
    async with client.session.get(f"{client.url}/v1/batch/{batch}", headers=headers) as answer:
        assert (await answer.json())["status"] == "in_progress"
    async with client.session.post(f"{client.url}/v1/batch/{batch}/cancel", headers=headers) as answer:
        assert (await answer.json())["status"] == "cancelling"
    async with client.session.get(f"{client.url}/v1/batches/unknown", headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["param"]) == (404, "batch_id")
