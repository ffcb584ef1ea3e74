"""Responses: made, streamed, continued, fetched, cancelled and deleted through the real OpenAI SDK."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from simulator import Script, Simulator

EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    *["response.output_text.delta"] * 6,
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


async def test_a_response_is_made_and_fetched_again(sdk: Any) -> None:
    made = await sdk.responses.create(model="m", input="hello there", instructions="be kind", metadata={"a": "b"})
    assert made.id.startswith("resp_")
    assert (made.status, made.model, made.output_text) == ("completed", "m", "Hello from east at your service.")
    assert (made.usage.input_tokens, made.usage.output_tokens, made.usage.total_tokens) == (4, 6, 10)
    assert made.metadata == {"a": "b"}
    assert (await sdk.responses.retrieve(made.id)) == made


async def test_a_response_is_streamed_in_the_real_order(sdk: Any) -> None:
    events = [event async for event in await sdk.responses.create(model="m", input="hello", stream=True)]
    assert [event.type for event in events] == EVENTS
    assert [event.sequence_number for event in events] == list(range(len(EVENTS)))
    assert events[0].response.status == "in_progress"
    assert "".join(event.delta for event in events[4:10]) == events[10].text == events[-1].response.output_text
    assert events[-1].response.usage.total_tokens == 7
    assert (await sdk.responses.retrieve(events[0].response.id)).output_text == events[10].text


async def test_the_sdk_s_own_stream_reader_is_content(sdk: Any) -> None:
    async with sdk.responses.stream(model="m", input="hello") as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_response()
    assert final.output_text == "Hello from east at your service."


async def test_events_are_named_by_their_type(client: Any) -> None:
    async with client.post("/v1/responses", {"model": "east", "input": "hi", "stream": True}) as answer:
        text = await answer.text()
    assert text.startswith('event: response.created\ndata: {"type":"response.created",')
    assert "[DONE]" not in text


async def test_a_stored_response_is_streamed_again_from_any_event_on(sdk: Any) -> None:
    made = await sdk.responses.create(model="m", input="hello")
    whole = [event async for event in await sdk.responses.retrieve(made.id, stream=True)]
    rest = [event async for event in await sdk.responses.retrieve(made.id, stream=True, starting_after=8)]
    assert [event.type for event in whole] == EVENTS
    assert rest == whole[9:]


async def test_a_response_continues_one_of_its_own_deployment_alone(plain: Any) -> None:
    first = await plain.responses.create(model="east", input="hello")
    second = await plain.responses.create(model="east", input="go on", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    with pytest.raises(openai.NotFoundError) as refused:
        await plain.responses.create(model="west", input="go on", previous_response_id=first.id)
    assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")


async def test_a_response_that_is_not_to_be_stored_is_unknown_afterwards(sdk: Any) -> None:
    made = await sdk.responses.create(model="m", input="hello", store=False)
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.retrieve(made.id)


async def test_input_items_are_listed_in_pages(sdk: Any) -> None:
    items = [{"role": "user", "content": "one"}, {"role": "user", "content": [{"type": "input_text", "text": "two"}]}]
    made = await sdk.responses.create(model="m", input=items)
    listed = [item async for item in sdk.responses.input_items.list(made.id, limit=1)]
    assert [item.content[0].text for item in listed] == ["one", "two"]
    as_text = await sdk.responses.create(model="m", input="three")
    assert [item.role async for item in sdk.responses.input_items.list(as_text.id)] == ["user"]


async def test_a_response_in_the_background_completes_as_it_is_fetched(sdk: Any) -> None:
    made = await sdk.responses.create(model="m", input="hello", background=True)
    seen = [made, await sdk.responses.retrieve(made.id), await sdk.responses.retrieve(made.id)]
    assert [each.status for each in seen] == ["queued", "in_progress", "completed"]
    assert [len(each.output) for each in seen] == [0, 0, 1]
    assert (await sdk.responses.cancel(made.id)).status == "completed"


async def test_only_a_response_in_the_background_is_cancelled(sdk: Any) -> None:
    made = await sdk.responses.create(model="m", input="hello", background=True)
    assert (await sdk.responses.cancel(made.id)).status == "cancelled"
    assert (await sdk.responses.retrieve(made.id)).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        await sdk.responses.retrieve(made.id, stream=True)
    other = await sdk.responses.create(model="m", input="hello")
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        await sdk.responses.cancel(other.id)


async def test_a_deleted_response_is_unknown(sdk: Any) -> None:
    made = await sdk.responses.create(model="m", input="hello")
    await sdk.responses.delete(made.id)
    for call in (sdk.responses.retrieve, sdk.responses.delete, sdk.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            await call(made.id)


async def test_a_stream_of_events_fails_in_its_own_form(simulator: Simulator, sdk: Any) -> None:
    simulator.script("east", Script(error_after=1))
    *before, error = [event async for event in await sdk.responses.create(model="m", input="hello", stream=True)]
    assert [event.type for event in before] == EVENTS[:5]
    assert (error.type, error.message) == ("error", "The server had an error while processing your request.")


async def test_a_call_that_names_nobody_is_answered_by_the_maker_of_its_id(simulator: Simulator, plain: Any) -> None:
    made = await plain.responses.create(model="west", input="hello")
    simulator.script("west", Script(status=503))
    with pytest.raises(openai.InternalServerError):
        await plain.responses.retrieve(made.id)
    assert [received.deployment for received in simulator.received()] == ["west", "west"]
