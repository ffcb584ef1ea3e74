"""Hands every HTTP invocation of the Functions worker to the one gateway, and makes that gateway at its first use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, Response

from gateway.asgi import App, Receive, Scope, Send
from gateway.collector import look_less_often
from gateway.functions.stopping import settle_on_sigterm
from gateway.functions.worker_shim import tune_worker

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger(__name__)

# The worker's own FastAPI adds path parameters, a router and exit stacks of its route; the gateway is to see none.
_SERVER_KEYS = (
    "type",
    "asgi",
    "http_version",
    "method",
    "scheme",
    "path",
    "raw_path",
    "query_string",
    "root_path",
    "headers",
    "client",
    "server",
    "extensions",
)


class AsgiResponse(Response):  # type: ignore[misc]  # the extension is untyped; this is Starlette's Response
    """The response that is a whole ASGI app.

    The worker's server calls it with its own `receive` and `send`: bodies stream both ways, and the app is told
    when the client leaves, even before the first byte.
    """

    def __init__(self, asgi: App) -> None:
        super().__init__()
        self._asgi = asgi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._asgi({key: scope[key] for key in _SERVER_KEYS if key in scope}, receive, send)
        except Exception:
            # The invocation has ended by now: what is raised here reaches neither its result nor its telemetry.
            logger.exception("The gateway did not answer %s %s", scope["method"], scope["path"])
            raise


class Door:
    """The one way in of a worker process. It holds no gateway until the running loop asks for it."""

    def __init__(self) -> None:
        self._gateway: Gateway | None = None

    def gateway(self) -> Gateway:
        """The gateway of this process, made at the first call, which must come from the running loop."""
        if self._gateway is None:
            from gateway.app import create_app  # here, so that indexing the functions stays light

            tune_worker()
            look_less_often()
            self._gateway = create_app()
            settle_on_sigterm(self._gateway.settle)
        return self._gateway


def add_plane(app: func.FunctionApp, name: str, route: str, gateway: Callable[[], App]) -> None:
    """Add the HTTP function `name`, which gives every request under `route` to the gateway, whatever its method.

    A method that the gateway does not know gets the gateway's own 405; a list here would make the host answer it.
    """

    @app.function_name(name)
    @app.route(route=route)
    async def serve(req: Request) -> Response:
        return AsgiResponse(gateway())
