"""A server of the local run's protocol, and a socket to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from tests.server import serving

PLAIN = [(b"Content-Type", b"text/plain"), (b"x-tab", b"a\tb")]


def answering(body=b"hello", headers=PLAIN, status=200, told=None):
    """An app that answers all requests so; told: the length that it says."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        length = (b"content-length", b"%d" % (len(body) if told is None else told))
        await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    return app


@asynccontextmanager
async def connected(app, **options):
    async with serving(app, **options) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        try:
            yield reader, writer
        finally:
            writer.close()


def get(method=b"GET", more=b"", path=b"/"):
    return method + b" " + path + b" HTTP/1.1\r\nhost: x\r\n" + more + b"\r\n"


async def answer_to(app, request):
    async with connected(app) as (reader, writer):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        return head, await reader.read()
