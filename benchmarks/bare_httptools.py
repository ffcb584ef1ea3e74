"""A relay with nothing in it: raw ASGI on uvicorn, and the gateway's own client. What the gateway itself can't beat.

python -m benchmarks.bare_httptools http://127.0.0.1:9000   prints its own address, and relays every POST there.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn

from gateway.upstream.request_head import Address, header_lines
from gateway.upstream.session import UpstreamSession

PATH = "/openai/deployments/east/chat/completions?api-version=2024-10-21"
EVENTS = [(b"content-type", b"text/event-stream")]
HEADERS = header_lines([("content-type", "application/json"), ("api-key", "key-of-east")])


class Relay:
    """An ASGI app that sends a body on and brings the answer back."""

    def __init__(self, upstream: str) -> None:
        self._address = Address.parse(upstream + PATH)
        self._session = UpstreamSession(connect_seconds=5)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Relay one request."""
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body", False):
            parts = [body]
            while message.get("more_body", False):
                message = await receive()
                parts.append(message.get("body", b""))
            body = b"".join(parts)
        answer = await self._session.send("POST", self._address, HEADERS, body)
        if answer.header(b"content-type") == b"text/event-stream":
            await send({"type": "http.response.start", "status": answer.status, "headers": EVENTS})
            while chunk := await answer.chunk():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        content = b""
        while chunk := await answer.chunk():
            content += chunk
        answer.close()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        Relay(sys.argv[1]), log_level="error", access_log=False, lifespan="off", proxy_headers=False
    )
    uvicorn.Server(config).run(sockets=[listener])
