"""A connection of the server's without a socket: what is fed to it, what its app was asked, what it answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        if not self.closed:
            self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Connection:
    """seen: of each request the scope, without what is the server's own, and the body. go: while it is set, requests
    are answered as they come."""

    def __init__(self, protocol: type[HttpToolsProtocol]) -> None:
        self.seen: list[tuple[dict[str, Any], bytes]] = []
        self.extensions: list[dict[str, Any]] = []
        self.go = asyncio.Event()
        self.go.set()
        own = {"interface": "asgi3", "ws": "none", "log_config": None, "access_log": False, "proxy_headers": False}
        config = Config(self._app, http=protocol, **own)
        self.transport = Transport()
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol(config, ServerState(), {"of": "app"})
        self._protocol.connection_made(self.transport)

    async def feed(self, data: bytes) -> None:
        """These bytes come, and what they are to be answered with goes out; none come once it is closed."""
        if not self.transport.closed:
            self._protocol.data_received(data)
        for _ in range(6):
            await asyncio.sleep(0)

    async def end(self) -> None:
        """The other side closes."""
        self._protocol.connection_lost(None)
        await asyncio.sleep(0)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body, more = body + message["body"], message["more_body"]
        told = {name: value for name, value in scope.items() if name not in ("extensions", "asgi")}
        self.seen.append((told, body))
        self.extensions.append(scope.get("extensions", {}))
        await self.go.wait()
        text = json.dumps([scope["method"], scope["path"], len(body)]).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})
