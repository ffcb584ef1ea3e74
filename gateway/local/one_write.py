"""uvicorn's HTTP protocol, but for one habit: a head and the body behind it leave in one write, not in two."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = b"HTTP/1.1 "


class OneWriteTransport:
    """A transport that keeps a head back until the next write, or until the loop's next turn if there is none."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head = b""
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, in the order of the calls."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        elif data.startswith(HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close, once all that was written is out."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


class OneWriteProtocol(HttpToolsProtocol):
    """Give it to uvicorn as `http`."""

    def connection_made(self, transport: Any) -> None:
        """A connection came."""
        super().connection_made(OneWriteTransport(transport))  # type: ignore[arg-type]
