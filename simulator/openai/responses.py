"""Responses: made, continued, streamed, fetched, cancelled and deleted by the deployment that owns them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from simulator.api import Refusal
from simulator.call import Call, count, identity, objects, pieces, text, words
from simulator.openai.apis import RESPONSE_EVENTS
from simulator.openai.listing import page
from simulator.state import Response
from simulator.streams import Stream
from simulator.wire import Json

# Fields that come back as they were sent, and what they are without being sent.
_ECHOED: Json = {
    **{"background": False, "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {}},
    **{"parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None, "service_tier": "default"},
    **{"reasoning": {"effort": None, "summary": None}, "safety_identifier": None, "store": True, "temperature": 1.0},
    **{"text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0},
    **{"truncation": "disabled", "user": None},
}


def create(call: Call) -> Json:
    """A response; one in the background is queued, in progress when fetched once, and complete when fetched twice."""
    response = _make(call)
    if response.value["background"] is True:
        response.status, response.ahead = "queued", ["in_progress", "completed"]
    return _as_it_is(response)


def create_stream(call: Call) -> Stream:
    """A response as it is made."""
    return _events(_make(call), pieces(call), count(call))


def retrieve(call: Call) -> Json:
    """A stored response as it is now."""
    response = _find(call)
    if response.ahead:
        response.status = response.ahead.pop(0)
    return _as_it_is(response)


def retrieve_stream(call: Call) -> Stream:
    """A stored response as it was made, from after the event that `starting_after` numbers; then it is complete."""
    response = _find(call)
    if response.status == "cancelled":
        raise Refusal(400, "Cannot stream a cancelled response.", param="response_id")
    response.status, response.ahead = "completed", []
    said = response.value["output"][0]["content"][0]["text"].split(" ")
    parts = (f" {word}" if index else word for index, word in enumerate(said))
    after = call.parameter("starting_after")
    return _events(response, parts, len(said), int(after) if after.isdecimal() else -1)


def cancel(call: Call) -> Json:
    """End a response in the background that is not complete yet."""
    response = _find(call)
    if response.value["background"] is not True:
        raise Refusal(400, "Cannot cancel a synchronous response.", param="response_id")
    if response.ahead:
        response.status, response.ahead = "cancelled", []
    return _as_it_is(response)


def delete(call: Call) -> Json:
    """Forget a stored response."""
    response = _find(call)
    call.state.responses.remove(response)
    return {"id": response.value["id"], "object": "response", "deleted": True}


def input_items(call: Call) -> Json:
    """What a stored response was made from."""
    return page(_find(call).input_items, call, default_limit=20)


def _find(call: Call) -> Response:
    response = call.state.responses.get(call.deployment, call.path["id"])
    if response is None:
        raise Refusal(404, f"Response with id '{call.path['id']}' not found.", param="response_id")
    return response


def _make(call: Call) -> Response:
    previous = call.fields.get("previous_response_id")
    if previous is not None and call.state.responses.get(call.deployment, previous) is None:
        problem = f"Previous response with id '{previous}' not found."
        raise Refusal(404, problem, param="previous_response_id", code="previous_response_not_found")
    now = int(time.time())
    message: Json = {"id": identity("msg_", call), "type": "message", "status": "completed", "role": "assistant"}
    value: Json = {
        "id": identity("resp_", call),
        "object": "response",
        "created_at": now,
        "completed_at": now,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": call.model,
        "output": [{**message, "content": [_content(text(call))]}],
        "usage": _usage(call),
        **{name: call.fields.get(name, default) for name, default in _ECHOED.items()},
    }
    response = Response(call.deployment, value, _input_items(call))
    if value["store"] is not False:
        call.state.responses.put(response)
    return response


def _content(said: str) -> Json:
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}


def _as_it_is(response: Response) -> Json:
    """The response at its present status; there is nothing to show of one that is not complete."""
    if response.status == "completed":
        return response.value
    return {**response.value, "status": response.status, "completed_at": None, "output": [], "usage": None}


def _usage(call: Call) -> Json:
    heard = words(call.fields["input"]) + words(call.fields.get("instructions"))
    return {
        "input_tokens": heard,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": count(call),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": heard + count(call),
    }


def _input_items(call: Call) -> list[Json]:
    """The input as list of items, each with an id."""
    given = call.fields["input"]
    items = objects(given) if isinstance(given, list) else [{"content": given}]
    return [_input_item(item, f"{identity('msg_', call)}_{index}") for index, item in enumerate(items)]


def _input_item(item: Json, item_id: str) -> Json:
    if isinstance(item.get("content"), str):
        item = {**item, "content": [{"type": "input_text", "text": item["content"]}]}
    usual = {"id": item_id, "type": "message", "status": "completed"}
    return {**usual, **({} if "type" in item else {"role": "user"}), **item}


def _events(response: Response, parts: Iterable[str], number: int, after: int = -1) -> Stream:
    """The events of a response that says `number` parts, without those up to the one that `after` numbers."""
    whole = response.value
    output = whole["output"][0]
    content = output["content"][0]
    begun = {**whole, "status": "in_progress", "completed_at": None, "output": [], "usage": None}
    begun_output = {**output, "status": "in_progress", "content": []}
    here = {"item_id": output["id"], "output_index": 0, "content_index": 0}
    opening: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": begun_output},
        {"type": "response.content_part.added", **here, "part": {**content, "text": ""}},
    ]
    deltas = ({"type": "response.output_text.delta", **here, "delta": part, "logprobs": []} for part in parts)
    closing: list[Json] = [
        {"type": "response.output_text.done", **here, "text": content["text"], "logprobs": []},
        {"type": "response.content_part.done", **here, "part": content},
        {"type": "response.output_item.done", "output_index": 0, "item": output},
        {"type": "response.completed", "response": whole},
    ]
    first, last = len(opening), len(opening) + number
    return Stream(
        list(_numbered(opening, 0, after)),
        _numbered(deltas, first, after),
        list(_numbered(closing, last, after)),
        RESPONSE_EVENTS,
    )


def _numbered(events: Iterable[Json], first: int, after: int) -> Iterator[Json]:
    return ({**event, "sequence_number": number} for number, event in enumerate(events, first) if number > after)
