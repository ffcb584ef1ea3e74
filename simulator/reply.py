"""The decision: which answer a request gets, and by which script it is delivered."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from simulator.api import Api, Refusal
from simulator.call import Answer, Call, Raw
from simulator.operations import Operation
from simulator.record import Received
from simulator.routes import locate
from simulator.script import DEFAULT, Playbook, Script
from simulator.state import State
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


def decide(received: Received, playbook: Playbook, state: State) -> Reply:
    """Choose the answer to a request, and take note of the deployment it belongs to."""
    route = locate(received)
    fields = _fields(received)
    named = fields.get("model") if fields else None
    model = route.model or (named if isinstance(named, str) else "")
    name = route.account or model or state.owner(route.variables.get("id", ""))
    received.prefix, received.deployment = route.prefix, name
    identity = _uuid()
    if route.operation is None:
        url = f"Unknown request URL: {received.method} {received.path}"
        return _refuse(received, route.api, identity, Refusal(404, url, code="unknown_url"))
    script = playbook.take(name)
    if script.refuse:
        return Reply(0, {}, b"", script)
    if refusal := _unauthorised(received, route.api, script.key):
        return _refuse(received, route.api, identity, refusal)
    refusal = Refusal(script.status) if script.status >= 400 else None
    if script.body is not None:
        raw = script.body.encode() if isinstance(script.body, str) else encode_json(script.body)
        return _reply(received, route.api, identity, Raw(raw, "application/json"), script, refusal)
    if refusal:
        return _reply(received, route.api, identity, route.api.error(refusal), script, refusal)
    try:
        checked = _checked(received, route.api, route.operation, fields, model)
        call = Call(identity, route.api, name, model or name, checked, script, state, route.variables, received.query)
        return _reply(received, route.api, identity, _answer(route.operation, call), script)
    except Refusal as refusal:
        return _refuse(received, route.api, identity, refusal)


def _uuid() -> str:
    """A random UUID of version 4, made in a third of the time that `uuid.uuid4` takes."""
    drawn = os.urandom(16).hex()
    return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-a{drawn[17:20]}-{drawn[20:]}"


def _fields(received: Received) -> Json | None:
    """The decoded body; None when it is neither a JSON object nor a form."""
    if not received.body_length:
        return {}
    if received.form is not None:
        return received.form.fields()
    try:
        fields: Any = _decode(received.body or b"")
    except (msgspec.DecodeError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _unauthorised(received: Received, api: Api, key: str | None) -> Refusal | None:
    """Whether there is no credential, or not the one demanded; the one accepted is noted."""
    refusal = api.keyless
    for kind, given in api.credentials(received):
        if key is None or given == key:
            received.authentication = kind
            return None
        refusal = api.wrong_key
    return refusal


def _checked(received: Received, api: Api, operation: Operation, fields: Json | None, model: str) -> Json:
    """The fields of a request that is complete. Raises Refusal for one that the real API would not take."""
    if incomplete := api.incomplete(received):
        raise incomplete
    if received.too_large:
        raise Refusal(413)
    if fields is None:
        raise Refusal(400, "We could not parse the body of your request: it is neither valid JSON nor a valid form.")
    if received.body_length and operation.form is not (received.form is not None):
        expected = "multipart/form-data" if operation.form else "application/json"
        raise Refusal(415, f"Unsupported content type: this API method only accepts '{expected}' requests.")
    for required in operation.required:
        if fields.get(required) is None:
            raise Refusal(400, f"Missing required parameter: '{required}'.")
    if not model and operation.names_model and received.method == "POST":
        raise Refusal(400, "you must provide a model parameter")
    return fields


def _answer(operation: Operation, call: Call) -> Answer:
    """The good answer, as a stream where one was asked for and can be had."""
    if operation.stream is not None and call.asks_for_stream:
        return operation.stream(call)
    return operation.answer(call)


def _refuse(received: Received, api: Api, identity: str, refusal: Refusal) -> Reply:
    """An answer that no script asked for; it leaves at once."""
    return _reply(received, api, identity, api.error(refusal), DEFAULT, refusal)


def _reply(
    received: Received, api: Api, identity: str, answer: Answer, script: Script, refusal: Refusal | None = None
) -> Reply:
    headers = {
        "content-type": "application/json",
        "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
        "x-content-type-options": "nosniff",
        **api.headers(identity, refusal),
    }
    if api.timing_header:
        headers[api.timing_header] = str(int((time.monotonic() - received.started_at) * 1000) + 1)
    body: bytes | Stream
    if isinstance(answer, Stream):
        body = answer
        headers["content-type"] = answer.framing.content_type
        headers |= answer.framing.headers
    elif isinstance(answer, Raw):
        body = answer.body
        headers["content-type"] = answer.content_type
        headers |= answer.headers
    else:
        body = encode_json(answer)
    if script.headers:
        headers |= {name.lower(): value for name, value in script.headers.items()}
    return Reply(refusal.status if refusal else script.status, headers, body, script)
