"""The ASGI words that both planes speak: types, reading a body, sending an answer whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from gateway.errors import BodyTooLarge, GatewayError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Where a scope's `extensions` hold a dict that is the same one for all requests of a connection whose heads are alike:
# what is read of a head may be kept there.
SAME_HEAD = "gateway.same_head"

JSON = (b"content-type", b"application/json")

# The API of endpoints and keys: its errors have MLflow's shape.
MLFLOW_PREFIX = "/api/3.0/mlflow/gateway"

# The API of the catalog and of tenants' models: its errors are `{"error", "details"}`. The path of `me` stands alone:
# what is below it, or only begins like it, is not of this API.
ME_PATH = "/api/v1/me"
TENANT_PREFIXES = ("/api/v1/embedding-models", "/api/v1/embeddings/", "/api/v1/tenant-models")


def is_tenant_path(path: str) -> bool:
    """Whether a path is the tenant plane's."""
    return path == ME_PATH or path.startswith(TENANT_PREFIXES)


class CallerGone(Exception):
    """The caller closed the connection; there is nobody left to answer."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole request body. Raises BodyTooLarge over `limit` bytes, CallerGone when the caller leaves."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise too_large(limit)
        return body
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise CallerGone


def too_large(limit: int) -> BodyTooLarge:
    """The 413 of a body over `limit` bytes."""
    return BodyTooLarge(f"The request body is larger than the limit of {limit:,} bytes.")


class DirectSend:
    """A server's `send` that can be spared ASGI's messages. Each method tells whether it sent; if not, messages do."""

    def whole(self, status: int, lines: bytes, body: bytes) -> bool:
        """Send a whole answer. lines: those of its headers, as they are sent; the server adds content-length."""
        return False

    def part(self, data: bytes) -> bool:
        """Send more of an answer that has begun; never its end."""
        return False


def pairs(lines: bytes) -> Headers:
    """Header lines as ASGI's other messages have them."""
    found = (line.partition(b": ") for line in lines.split(b"\r\n")[:-1])
    return [(name, value) for name, _, value in found]


async def answer(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (JSON,)) -> None:
    """Send a whole answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def answer_error(
    send: Send, error: GatewayError, headers: Iterable[tuple[bytes, bytes]] = (), *, path: str = ""
) -> None:
    """Send an error in the shape of the API that `path` belongs to: OpenAI's, unless it is said otherwise."""
    if path.startswith(MLFLOW_PREFIX):
        body = error.mlflow_body()
    elif is_tenant_path(path):
        body = error.tenant_body()
    else:
        body = error.body()
    await answer(send, error.status, body, [JSON, *error.headers(), *headers])
