"""A caller of ASGI apps: no socket, no thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.asgi import App


@dataclass
class Reply:
    """What an app answered. `complete` is false when the last part of the body never came."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def call(
    app: App,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | list[bytes] = b"",
    json_body: Any = None,
    query: str = "",
    leave: asyncio.Event | None = None,
) -> Reply:
    """Send a request and collect the answer. `leave`: when set, the caller closes the connection."""
    parts = body if isinstance(body, list) else [body if json_body is None else json.dumps(json_body).encode()]
    pending = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]
    reply = Reply()
    finished = asyncio.Event()

    async def receive() -> Any:
        if pending:
            return pending.pop(0)
        waits = [asyncio.ensure_future(event.wait()) for event in (finished, leave) if event is not None]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        # A real server may let others run here.
        await asyncio.sleep(0)
        if message["type"] == "http.response.start":
            if reply.status:
                raise RuntimeError("an answer has begun")
            reply.status = message["status"]
            reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            if message.get("body"):
                reply.parts.append(message["body"])
            if not message.get("more_body"):
                reply.complete = True
                finished.set()

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
        "server": ("testserver", 80),
        "client": ("testclient", 1),
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }
    await app(scope, receive, send)
    return reply
