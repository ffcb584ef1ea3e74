"""The door of the planes that FastAPI serves: nobody passes unknown, and the errors of the tree are answered here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp

from gateway.asgi import Message, Receive, Scope, Send, answer_error, read_body
from gateway.errors import GatewayError, InvalidManagementToken, StorageUnavailable
from gateway.storage.rows import Tables
from gateway.storage.tokens import knows_management_token

PREFIX = "/api/v1/management"

# What needs no token: they tell how to ask, and hold no secret. A test reads this list.
OPEN_PATHS = (f"{PREFIX}/docs", f"{PREFIX}/openapi.json")

MAX_BODY_BYTES = 1024 * 1024
STORAGE_RETRY_SECONDS = 5.0


class Guard:
    """ASGI middleware in front of the router, so that unknown paths and wrong methods are guarded too.

    `admit` raises for whoever may not pass; what it answers is who calls, the routes' `scope["who"]`.

    What is not in the error tree is a defect and passes: the gateway logs it and answers 500 with the request's id.
    """

    def __init__(self, app: ASGIApp, admit: Callable[[Scope], Awaitable[object]]) -> None:
        self._app = app
        self._admit = admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            who = await self._admit(scope)
            body = await read_body(receive, MAX_BODY_BYTES)

            async def replay() -> Message:
                return {"type": "http.request", "body": body, "more_body": False}

            # The router takes root_path off the path; without one it routes by the very path that was judged here.
            await self._app({**scope, "root_path": "", "who": who}, replay, send)
        except GatewayError as error:
            if isinstance(error, StorageUnavailable) and error.retry_after is None:
                error.retry_after = STORAGE_RETRY_SECONDS
            await answer_error(send, error, path=scope["path"])


async def admit_operator(tables: Tables, scope: Scope) -> None:
    """Raise InvalidManagementToken unless the request carries a management token, or asks for an open path."""
    if scope["path"] in OPEN_PATHS:
        return
    presented = bearer(scope)
    if not presented or not await knows_management_token(tables, presented):
        raise InvalidManagementToken("Send a known management token as 'Authorization: Bearer <token>'.")


def bearer(scope: Scope) -> str:
    """What follows `Authorization: Bearer`; empty when there is none."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, presented = value.decode("latin-1").partition(" ")
            return presented.strip() if scheme.lower() == "bearer" else ""
    return ""
