"""Servers that say exactly what a test wants said, over real connections."""

from __future__ import annotations

import asyncio
import contextlib

from gateway.upstream.request_head import Address

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Where it is, and the connections it got."""

    def __init__(self):
        self.connections = []
        self.requests = []
        self.address = None

    async def request(self, reader):
        """The next request's head and body; both are remembered."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")]
        body = await reader.readexactly(int(lines[0][16:])) if lines else b""
        self.requests.append((head, body))
        return head, body


@contextlib.asynccontextmanager
async def serving(serve, host="127.0.0.1", tls=None, name=None):
    """A server whose connections are served by `serve(server, reader, writer)`; then they are closed."""
    server = Server()
    ended = []

    async def connected(reader, writer):
        server.connections.append(writer)
        ended.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(server, reader, writer)
        writer.close()

    listener = await asyncio.start_server(connected, host, 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    named = name or (f"[{host}]" if ":" in host else host)
    server.address = Address.parse(f"{'https' if tls else 'http'}://{named}:{port}/x")
    try:
        yield server
    finally:
        listener.close()
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)
        for writer in server.connections:
            writer.transport.abort()
        await asyncio.sleep(0.01)


def saying(*answers, close=False):
    """Serve one request with each of these raw answers, on as many connections as it takes."""
    left = list(answers)

    async def serve(server, reader, writer):
        while left:
            await server.request(reader)
            writer.write(left.pop(0))
        await writer.drain()
        if not close:
            await reader.read()

    return serve


async def forever(server, reader, writer):
    """Serve every request with OK."""
    while True:
        await server.request(reader)
        writer.write(OK)


async def whole(answer):
    """The body; the answer is closed."""
    parts = []
    try:
        while chunk := await answer.chunk():
            parts.append(chunk)
    finally:
        answer.close()
    return b"".join(parts)


async def soon(condition, seconds=2.0):
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
