"""The decision: which answer a request gets, and by which script it is delivered."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec

from simulator.answers import Call
from simulator.errors import Style, error_body
from simulator.operations import Operation, locate
from simulator.record import Received
from simulator.script import DEFAULT, Playbook, Script
from simulator.streams import Stream
from simulator.wire import Json, encode_json

_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Reply:
    """An answer that has not been sent yet. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes | Stream
    script: Script = DEFAULT


def decide(received: Received, playbook: Playbook) -> Reply:
    """Choose the answer to a request, and take note of the deployment it belongs to."""
    route = locate(received.method, received.path)
    fields = _fields(received)
    model = fields.get("model") if fields else None
    name = route.deployment or (model if isinstance(model, str) else "")
    received.prefix, received.deployment = route.prefix, name
    if route.operation is None:
        call = Call(str(uuid4()), route.style, name, {}, DEFAULT)
        return _error(received, call, 404, f"Unknown request URL: {received.method} {received.path}")
    script = playbook.take(name)
    if script.refuse:
        return Reply(0, {}, b"", script)
    call = Call(str(uuid4()), route.style, name, fields or {}, script)
    if not _authorised(received, script.key):
        return _error(received, call, 401)
    if script.body is not None:
        raw = script.body.encode() if isinstance(script.body, str) else encode_json(script.body)
        return _reply(received, call, script.status, raw, script)
    if script.status >= 400:
        return _reply(received, call, script.status, encode_json(error_body(route.style, script.status)), script)
    if refusal := _refusal(received, route.style, route.operation, fields, name):
        return _error(received, call, *refusal)
    return _reply(received, call, script.status, _body(route.operation, call), script)


def _fields(received: Received) -> Json | None:
    """The decoded body; None when it is no JSON object."""
    if received.method == "GET":
        return {}
    try:
        fields: Any = _decode(received.body or b"")
    except (msgspec.DecodeError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _authorised(received: Received, key: str | None) -> bool:
    bearer = received.header(b"authorization")
    given = (received.header(b"api-key"), bearer[7:].strip() if bearer[:7].lower() == "bearer " else "")
    return any(given) if key is None else key in given


def _refusal(
    received: Received, style: Style, operation: Operation, fields: Json | None, name: str
) -> tuple[int, str] | None:
    """The status and message for a request that the real API would not take."""
    if style == "azure" and "api-version=" not in received.query:
        return 404, "Resource not found"
    if received.body is None:
        return 413, "Request body is too large."
    if fields is None:
        return 400, "We could not parse the JSON body of your request."
    for required in operation.required:
        if fields.get(required) is None:
            return 400, f"Missing required parameter: '{required}'."
    if not name and operation.method == "POST":
        return 400, "you must provide a model parameter"
    return None


def _body(operation: Operation, call: Call) -> bytes | Stream:
    """The good answer, as a stream where one was asked for and can be had."""
    if operation.stream is not None and call.fields.get("stream") is True:
        return operation.stream(call)
    return encode_json(operation.answer(call))


def _error(received: Received, call: Call, status: int, message: str | None = None) -> Reply:
    """An answer that no script asked for; it leaves at once."""
    return _reply(received, call, status, encode_json(error_body(call.style, status, message)), DEFAULT)


def _reply(received: Received, call: Call, status: int, body: bytes | Stream, script: Script) -> Reply:
    headers = {
        "content-type": "text/event-stream" if isinstance(body, Stream) else "application/json",
        "x-request-id": call.id,
        "openai-processing-ms": str(int((time.monotonic() - received.started_at) * 1000) + 1),
        "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
        "x-content-type-options": "nosniff",
        **_STYLED[call.style],
    }
    if call.style == "azure":
        headers["apim-request-id"] = call.id
    if status < 400:
        headers |= _LIMITS
    for name, value in script.headers.items():
        headers[name.lower()] = value
    return Reply(status, headers, body, script)


_STYLED: dict[Style, dict[str, str]] = {
    "azure": {"set-cookie": "ARRAffinity=simulated; Path=/; HttpOnly; Secure", "x-ms-region": "East US"},
    "openai": {
        "set-cookie": "__cf_bm=simulated; path=/; HttpOnly; Secure",
        "openai-organization": "simulated",
        "openai-version": "2020-10-01",
    },
}
# Only good answers carry these: an error says by its script alone when to come again.
_LIMITS = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999900",
}
