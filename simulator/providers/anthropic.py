"""Anthropic's own API: messages, token counts and models."""

from __future__ import annotations

from simulator import wire
from simulator.api import Api, Refusal
from simulator.call import Call, count, identity, pieces, text, words
from simulator.operations import Operation
from simulator.record import Received
from simulator.streams import Framing, Stream
from simulator.wire import Json

_MODELS = {"claude-sonnet-4-5": "Claude Sonnet 4.5", "claude-haiku-4-5": "Claude Haiku 4.5"}

# status: (type, message)
_KNOWN = {
    400: ("invalid_request_error", "The request could not be understood."),
    401: ("authentication_error", "invalid x-api-key"),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "The requested resource could not be found."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    504: ("timeout_error", "The request timed out."),
    529: ("overloaded_error", "Overloaded"),
}
_LIMITS = {
    f"anthropic-ratelimit-{kind}-{what}": value
    for kind, limit, left in (("requests", "4000", "3999"), ("tokens", "2000000", "1999000"))
    for what, value in (("limit", limit), ("remaining", left), ("reset", "2030-01-01T00:00:00Z"))
}


def _error(refusal: Refusal) -> Json:
    kind, usual = _KNOWN.get(refusal.status, ("api_error", "Internal server error"))
    return {"type": "error", "error": {"type": kind, "message": refusal.message or usual}}


def _headers(identity: str, refusal: Refusal | None) -> dict[str, str]:
    own = {"request-id": f"req_{identity.replace('-', '')}", "anthropic-organization-id": "simulated"}
    return own | _LIMITS if refusal is None else own


def _unversioned(received: Received) -> Refusal | None:
    given = received.header(b"anthropic-version")
    return None if given else Refusal(400, "anthropic-version: header is required")


ANTHROPIC = Api(
    "anthropic",
    _error,
    _headers,
    key_headers=(b"x-api-key",),
    incomplete=_unversioned,
    keyless=Refusal(401, "x-api-key header is required"),
)

_EVENTS = Framing("text/event-stream", wire.named_event, error=_error(Refusal(529)))


def message(call: Call) -> Json:
    """A message."""
    return {**_message(call), "content": [{"type": "text", "text": text(call)}], "stop_reason": "end_turn"}


def message_stream(call: Call) -> Stream:
    """A message as it is made."""
    begun = _message(call)
    begun["usage"] = {**begun["usage"], "output_tokens": 1}
    opening: list[Json] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
    ]
    deltas = (
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        for piece in pieces(call)
    )
    closing: list[Json] = [
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": count(call)},
        },
        {"type": "message_stop"},
    ]
    return Stream(opening, deltas, closing, _EVENTS)


def input_tokens(call: Call) -> int:
    """Words of the messages and of the system prompt."""
    return words(call.fields.get("messages")) + words(call.fields.get("system"))


def count_tokens(call: Call) -> Json:
    """How many tokens a message would take in."""
    return {"input_tokens": input_tokens(call)}


def models(call: Call) -> Json:
    """A few well-known models; the simulator answers to any name."""
    data = [_model(name) for name in _MODELS]
    return {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}


def model(call: Call) -> Json:
    """One model, whatever its name."""
    return _model(call.path["id"])


def _model(name: str) -> Json:
    shown = _MODELS.get(name, name)
    return {
        **{"type": "model", "id": name, "display_name": shown, "created_at": "2025-09-29T00:00:00Z"},
        **{"lifecycle": "active", "max_input_tokens": 200_000, "max_tokens": 64_000},
    }


def _message(call: Call) -> Json:
    """A message without any content yet."""
    return {
        "id": identity("msg_", call),
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": input_tokens(call),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": count(call),
            "service_tier": "standard",
        },
    }


OPERATIONS = (
    Operation("POST", "messages", message, message_stream, ("max_tokens", "messages")),
    Operation("POST", "messages/count_tokens", count_tokens, None, ("messages",)),
    Operation("GET", "models", models),
    Operation("GET", "models/{id}", model),
)
