"""A scripted stand-in for the upstream session: answers by host name, and a record of what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from gateway.upstream.request_head import Address

HANG = object()


@dataclass
class FakeAnswer:
    """An upstream's answer. A chunk may be bytes, an exception to raise, or HANG."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: [(b"Content-Type", b"application/json")])
    chunks: list[Any] = field(default_factory=lambda: [b'{"ok":true}'])
    delimited: bool = True
    closed: bool = False

    def header(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key.lower() == name), b"")

    def whole(self) -> bytes | None:
        if len(self.chunks) != 1 or not isinstance(self.chunks[0], bytes):
            return None
        return self.chunks.pop()

    async def chunk(self) -> bytes:
        if not self.chunks:
            return b""
        if self.chunks[0] is HANG:
            await asyncio.Event().wait()
        chunk = self.chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    async def pass_on(self, take: Callable[[bytes], bool]) -> bool:
        while chunk := await self.chunk():
            if not take(chunk):
                return False
        return True

    def close(self) -> None:
        self.closed = True


def failing(status: int, **headers: str) -> FakeAnswer:
    """An error answer in OpenAI's shape."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return FakeAnswer(status, raw, [json.dumps({"error": {"message": f"upstream says {status}"}}).encode()])


def events(*chunks: Any, **options: Any) -> FakeAnswer:
    """An event stream."""
    return FakeAnswer(200, [(b"Content-Type", b"text/event-stream")], list(chunks), **options)


@dataclass
class Sent:
    """One request as the upstream got it."""

    method: str
    url: URL
    headers: dict[str, str]
    body: bytes


class FakeSession:
    """Answers each host's requests with the next of its script; the last one stays."""

    def __init__(self, **scripts: Any) -> None:
        self._scripts = {
            name: list(script) if isinstance(script, list) else [script] for name, script in scripts.items()
        }
        self.sent: list[Sent] = []

    async def send(self, method: str, address: Address, headers: bytes, body: bytes) -> FakeAnswer:
        lines = headers.decode("latin-1").split("\r\n")[:-1]
        told = dict(line.split(": ", 1) for line in lines)
        self.sent.append(Sent(method, URL(str(address), encoded=True), told, body))
        script = self._scripts[address.host.split(".")[0]]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if answer is HANG:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """Nothing to close."""
