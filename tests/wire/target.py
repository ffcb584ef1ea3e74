"""A target of webhooks on a real socket, which can be down, slow, or answer what it likes."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Target:
    """`answer`: what each request gets, as bytes on the wire, None to stay silent. `requests`: headers and bodies."""

    port: int
    answer: bytes | None = OK
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook?token=t0ken"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer it, close."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value for name, value in lines}
            self.requests.append((headers, await reader.readexactly(int(headers["content-length"]))))
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def target(port: int = 0, answer: bytes | None = OK, certificate: Path | None = None) -> AsyncIterator[Target]:
    """A target that listens, on a port of its own unless one is given; with a certificate it speaks TLS."""
    made = Target(port, answer)
    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    listener = await asyncio.start_server(made.serve, "127.0.0.1", port, ssl=tls)
    made.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield made
