"""Anthropic's API, as the real Anthropic SDK speaks it: at its own, on Vertex and on Bedrock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest

from simulator import Script, Simulator

SAY: dict[str, Any] = {
    "model": "claude-x",
    "max_tokens": 100,
    "system": "be kind",
    "messages": [{"role": "user", "content": "hello there"}],
}


@pytest.fixture
async def claude(simulator: Simulator) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=simulator.url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(params=["anthropic", "vertex", "bedrock"])
async def sdk(simulator: Simulator, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """The SDK for each place in turn, at the account `claude-x`."""
    url, options = simulator.account("claude-x"), {"max_retries": 0}
    match request.param:
        case "anthropic":
            client: Any = anthropic.AsyncAnthropic(base_url=url, api_key="any", **options)
        case "vertex":
            client = anthropic.AsyncAnthropicVertex(
                base_url=f"{url}/v1", region="us-east5", project_id="p", access_token="any", **options
            )
        case "bedrock":
            client = anthropic.AsyncAnthropicBedrock(
                base_url=url, aws_region="us-east-1", aws_access_key="AKID", aws_secret_key="any", **options
            )
    async with client:
        yield client


async def test_a_message(sdk: Any) -> None:
    answer = await sdk.messages.create(**SAY)
    assert answer.id.startswith("msg_")
    assert (answer.model, answer.stop_reason) == ("claude-x", "end_turn")
    assert answer.content[0].text == "Hello from claude-x at your service."
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4, 6)


async def test_a_streamed_message_holds_the_same(sdk: Any) -> None:
    async with sdk.messages.stream(**SAY) as stream:
        pieces = [piece async for piece in stream.text_stream]
        final = await stream.get_final_message()
    assert len(pieces) == 6
    assert final.content[0].text == "".join(pieces) == "Hello from claude-x at your service."
    assert (final.usage.input_tokens, final.usage.output_tokens, final.stop_reason) == (4, 6, "end_turn")


async def test_a_stream_that_fails_says_so_in_band(simulator: Simulator, sdk: Any) -> None:
    simulator.script("claude-x", Script(error_after=2))
    pieces = []
    with pytest.raises(anthropic.APIStatusError) as failed:
        async with sdk.messages.stream(**SAY) as stream:
            async for piece in stream.text_stream:
                pieces.append(piece)
    assert pieces == ["Hello", " from"]
    assert failed.value.body["error"]["type"] in ("overloaded_error", "modelStreamErrorException")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
    ],
)
async def test_errors_are_those_of_the_real_service(
    simulator: Simulator, sdk: Any, status: int, error: type[anthropic.APIStatusError]
) -> None:
    simulator.script("claude-x", Script(status=status, headers={"retry-after": "7"}))
    with pytest.raises(error) as refused:
        await sdk.messages.create(**SAY)
    assert refused.value.response.headers["retry-after"] == "7"


async def test_an_overload_is_529(simulator: Simulator, claude: Any) -> None:
    simulator.script("claude-x", Script(status=529))
    with pytest.raises(anthropic.APIStatusError) as refused:
        await claude.messages.create(**SAY)
    assert refused.value.body == {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


async def test_the_events_are_those_of_the_real_service(client: Any) -> None:
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
    async with client.post("/v1/messages", {**SAY, "stream": True}, headers=headers) as answer:
        text = await answer.text()
    names = [line[7:] for line in text.splitlines() if line.startswith("event: ")]
    assert names == [
        *("message_start", "content_block_start", "ping"),
        *["content_block_delta"] * 6,
        *("content_block_stop", "message_delta", "message_stop"),
    ]
    assert text.endswith('data: {"type":"message_stop"}\n\n')


async def test_tokens_are_counted(claude: Any, simulator: Simulator) -> None:
    asked = {name: value for name, value in SAY.items() if name != "max_tokens"}
    assert (await claude.messages.count_tokens(**asked)).input_tokens == 4
    vertex = anthropic.AsyncAnthropicVertex(
        base_url=f"{simulator.url}/v1", region="us-east5", project_id="p", access_token="any"
    )
    async with vertex:
        assert (await vertex.messages.count_tokens(**asked)).input_tokens == 4
    assert [received.deployment for received in simulator.received()] == ["claude-x", "claude-x"]


async def test_models_are_listed_apart_from_openai_s(claude: Any, plain: Any) -> None:
    listed = [model.id async for model in claude.models.list()]
    assert "claude-sonnet-4-5" in listed
    assert not set(listed) & {model.id async for model in plain.models.list()}
    assert (await claude.models.retrieve("claude-x")).display_name == "claude-x"
    assert (await plain.models.retrieve("gpt-x")).owned_by == "simulator"


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({"anthropic-version": "2023-06-01"}, 401, "x-api-key header is required"),
        ({"x-api-key": "any"}, 400, "anthropic-version: header is required"),
        ({"x-api-key": "any", "anthropic-version": "2023-06-01"}, 400, "Missing required parameter: 'max_tokens'."),
        ({"Authorization": "Bearer any", "anthropic-version": "1"}, 400, "Missing required parameter: 'max_tokens'."),
    ],
)
async def test_an_incomplete_request_is_refused(client: Any, headers: Any, status: int, says: str) -> None:
    async with client.post("/v1/messages", {"model": "m", "messages": []}, headers=headers) as answer:
        body = await answer.json()
        assert (answer.status, body["type"], body["error"]["message"]) == (status, "error", says)
        assert answer.headers["request-id"].startswith("req_")


async def test_a_wrong_key_is_refused(simulator: Simulator, sdk: Any) -> None:
    simulator.script("claude-x", Script(key="right"))
    with pytest.raises(anthropic.APIStatusError) as refused:
        await sdk.messages.create(**SAY)
    assert refused.value.status_code in (401, 403)


async def test_vertex_and_bedrock_want_the_version_in_the_body(client: Any) -> None:
    models = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x"
    body = {"messages": [], "max_tokens": 5}
    for path in (f"{models}:rawPredict", f"{models}:streamRawPredict"):
        async with client.post(path, body, headers={"Authorization": "Bearer any"}) as answer:
            assert (answer.status, (await answer.json())["error"]["status"]) == (400, "INVALID_ARGUMENT")
