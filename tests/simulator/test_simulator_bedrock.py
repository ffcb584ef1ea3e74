"""Bedrock's runtime, as boto3 speaks to it, and the frames of its streams."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.eventstream import EventStream, EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from simulator import Script, Simulator
from simulator.providers.eventstream import frame

MODEL = "anthropic.claude-x-v1:0"
SAY = [{"role": "user", "content": [{"text": "hello there"}]}]
CLAUDE = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hello there"}],
    }
)


def runtime(url: str, **options: Any) -> Any:
    config = Config(retries={"max_attempts": 0}, **options)
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKID",
        aws_secret_access_key="any",
        config=config,
    )


@pytest.fixture
def bedrock(simulator: Simulator) -> Iterator[Any]:
    client = runtime(simulator.url)
    yield client
    client.close()


async def call(operation: Any, **arguments: Any) -> Any:
    """Call the blocking SDK; what it streams is read to its end."""

    def blocking() -> Any:
        answer = operation(modelId=MODEL, **arguments)
        content = answer.get("stream") or answer.get("body")
        if content is None:
            return answer
        with contextlib.closing(content):
            return list(content) if isinstance(content, EventStream) else json.loads(content.read())

    return await asyncio.to_thread(blocking)


async def test_a_conversation(simulator: Simulator, bedrock: Any) -> None:
    answer = await call(bedrock.converse, messages=SAY, system=[{"text": "be kind"}])
    assert answer["output"]["message"]["content"] == [{"text": f"Hello from {MODEL} at your service."}]
    assert (answer["stopReason"], answer["usage"]["inputTokens"], answer["usage"]["totalTokens"]) == ("end_turn", 4, 10)
    (received,) = simulator.received(MODEL)
    assert (received.authentication, received.path) == ("sigv4", f"/model/{MODEL.replace(':', '%3A')}/converse")


async def test_a_streamed_conversation(bedrock: Any) -> None:
    events = await call(bedrock.converse_stream, messages=SAY)
    kinds = [next(iter(event)) for event in events]
    assert kinds == ["messageStart", *["contentBlockDelta"] * 6, "contentBlockStop", "messageStop", "metadata"]
    assert "".join(event["contentBlockDelta"]["delta"]["text"] for event in events[1:7]).startswith("Hello from")
    assert events[-1]["metadata"]["usage"]["totalTokens"] == 8


@pytest.mark.parametrize(
    ("body", "holds"),
    [
        (CLAUDE, "stop_reason"),
        ('{"inputText": "one two", "dimensions": 4}', "embedding"),
        ('{"texts": ["one", "two"], "input_type": "search_query"}', "embeddings"),
        ('{"prompt": "one two"}', "generation"),
        ('{"messages": [{"role": "user", "content": "hi"}]}', "choices"),
    ],
)
async def test_a_model_is_invoked_in_its_publisher_s_form(bedrock: Any, body: str, holds: str) -> None:
    assert holds in await call(bedrock.invoke_model, body=body)


async def test_an_invocation_tells_its_tokens_in_headers(bedrock: Any) -> None:
    answer = await asyncio.to_thread(lambda: bedrock.invoke_model(modelId=MODEL, body=CLAUDE))
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amzn-bedrock-input-token-count"], headers["x-amzn-bedrock-output-token-count"]) == ("2", "6")
    answer["body"].close()


@pytest.mark.parametrize(
    ("body", "first"),
    [
        (CLAUDE, "type"),
        ('{"prompt": "one two"}', "generation"),
        ('{"messages": [{"role": "user", "content": "hi"}]}', "choices"),
    ],
)
async def test_a_streamed_invocation_wraps_the_publisher_s_events(bedrock: Any, body: str, first: str) -> None:
    events = await call(bedrock.invoke_model_with_response_stream, body=body)
    decoded = [json.loads(event["chunk"]["bytes"]) for event in events]
    assert first in decoded[0]
    assert "ping" not in [event.get("type") for event in decoded]
    assert decoded[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 6


@pytest.mark.parametrize("body", ['{"odd": 1}', '{"inputText": "embeddings do not stream"}'])
async def test_what_cannot_be_invoked_is_refused(bedrock: Any, body: str) -> None:
    with pytest.raises(ClientError) as refused:
        await call(bedrock.invoke_model_with_response_stream, body=body)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize("split", [None, 1, 7])
async def test_a_stream_fails_by_an_exception_in_band(simulator: Simulator, bedrock: Any, split: int | None) -> None:
    simulator.script(MODEL, Script(error_after=2, split=split))
    for operation, arguments in (
        (bedrock.converse_stream, {"messages": SAY}),
        (bedrock.invoke_model_with_response_stream, {"body": CLAUDE}),
    ):
        with pytest.raises(EventStreamError) as failed:
            await call(operation, **arguments)
        assert failed.value.response["Error"]["Code"] == "modelStreamErrorException"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ],
)
async def test_errors_are_those_of_the_real_service(simulator: Simulator, bedrock: Any, status: int, code: str) -> None:
    simulator.script(MODEL, Script(status=status))
    with pytest.raises(ClientError) as refused:
        await call(bedrock.converse, messages=SAY)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(
    ("key", "code"), [("right", ""), ("wrong", "UnrecognizedClientException"), ("", "MissingAuthenticationToken")]
)
async def test_a_bedrock_key_is_a_bearer_token(simulator: Simulator, key: str, code: str) -> None:
    def send_key(request: Any, **_: Any) -> None:
        request.headers["Authorization"] = f"Bearer {key}"

    simulator.script(MODEL, Script(key="right"))
    client = runtime(simulator.url, signature_version=UNSIGNED)  # boto3 itself sends such a key over HTTPS alone
    client.meta.events.register("before-send.bedrock-runtime", send_key)
    if code:
        with pytest.raises(ClientError, match=code):
            await call(client.converse, messages=SAY)
    else:
        assert (await call(client.converse, messages=SAY))["stopReason"] == "end_turn"
    client.close()
    assert simulator.received(MODEL)[0].authentication == ("" if code else "bearer")


async def test_a_signed_request_is_known_by_its_access_key(simulator: Simulator, bedrock: Any) -> None:
    simulator.script(MODEL, Script(key="AKID"), Script(key="other"))
    assert (await call(bedrock.converse, messages=SAY))["stopReason"] == "end_turn"
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        await call(bedrock.converse, messages=SAY)


def test_a_frame_bears_both_checksums() -> None:
    message = frame({":event-type": "chunk"}, b"{}")
    total, head = struct.unpack_from(">II", message)
    assert (total, head) == (len(message), len(message) - 16 - 2)
    assert struct.unpack_from(">I", message, 8) == (crc32(message[:8]),)
    assert struct.unpack_from(">I", message, total - 4) == (crc32(message[:-4]),)
    buffer = EventStreamBuffer()
    buffer.add_data(message)
    (decoded,) = list(buffer)
    assert (decoded.headers, decoded.payload) == ({":event-type": "chunk"}, b"{}")
