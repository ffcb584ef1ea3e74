"""A call that the gateway makes of its own data plane for a caller: with all of the caller's limits, and recorded."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from gateway.asgi import Message, Scope
from gateway.errors import UpstreamError
from gateway.openai.routes import route
from gateway.proxy.serve import DataPlane
from gateway.registry.snapshot import Caller
from gateway.request_ids import request_id


async def inner_call(data: DataPlane, caller: Caller, path: str, body: bytes) -> bytes:
    """Post JSON to a path of the data plane; the body of the answer.

    Raises GatewayError for whatever is no success; what an upstream refused is told by its status.
    """
    found = route(path)
    assert found is not None, "the gateway knows its own paths"
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    pending = [body]
    status = 0
    parts: list[bytes] = []

    async def receive() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        # Who asked waits outside: cancelling this call is how they leave.
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    await data.serve_caller(caller, scope, receive, send, found, request_id())
    if status >= 300:
        raise UpstreamError(f"The upstream answered {status} {HTTPStatus(status).phrase}.")
    return b"".join(parts)
