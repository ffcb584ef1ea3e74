"""The HTTP server that the Functions worker runs: uvicorn and the function's answer, with no framework in between.

The worker takes it from the module that defines `WebApp` and `WebServer`, by the extension point of
azurefunctions-extensions-base. Of a process only one module may do so.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from azurefunctions.extensions import base

from gateway.asgi import App, Receive, Scope, Send
from gateway.server.protocol import server_config

logger = logging.getLogger(__name__)


class Request:
    """A request as the worker looks at it: it asks for one header, the invocation's id, and for no more.

    Everything else of it is in the scope, which the answer gets.
    """

    __slots__ = ("_headers",)

    def __init__(self, scope: Scope) -> None:
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]

    @property
    def headers(self) -> Request:
        """What has `get`."""
        return self

    def get(self, name: str) -> str | None:
        """A header's value."""
        wanted = name.encode("latin-1")
        for key, value in self._headers:
            if key == wanted:
                return value.decode("latin-1")
        return None


class AsgiResponse:
    """The response that is a whole ASGI app.

    The worker's server calls it with its own `receive` and `send`: bodies stream both ways, and the app is told
    when the client leaves, even before the first byte.
    """

    __slots__ = ("_asgi",)

    def __init__(self, asgi: App) -> None:
        self._asgi = asgi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._asgi(scope, receive, send)
        except Exception:
            # The invocation has ended by now: what is raised here reaches neither its result nor its telemetry.
            logger.exception("The gateway did not answer %s %s", scope["method"], scope["path"])
            raise


class RequestSynchronizer(base.RequestSynchronizer):  # type: ignore[misc]  # the package is untyped
    """Takes the route's parameters from the host. The gateway routes by path, and wants none."""

    def sync_route_params(self, request: Request, path_params: dict[str, str]) -> None:
        """Nothing to do."""


class HttpRequest(metaclass=base.RequestTrackerMeta):  # type: ignore[metaclass]
    """Says that `Request` is what the argument of an HTTP function is."""

    request_type = Request
    synchronizer = RequestSynchronizer()


class HttpResponse(metaclass=base.ResponseTrackerMeta):  # type: ignore[metaclass]
    """Says that `AsgiResponse` is what an HTTP function returns."""

    label = base.ResponseLabels.STANDARD
    response_type = AsgiResponse


class WebApp(base.WebApp):  # type: ignore[misc]
    """Has the worker invoke the function of a request, and then the answer answer."""

    _invoke: Callable[[Request], Awaitable[AsgiResponse]]

    def route(self, func: Callable[[Request], Awaitable[AsgiResponse]]) -> None:
        """Take the worker's one handler: it waits for the invocation that goes with a request, and for its result."""
        self._invoke = func

    def get_app(self) -> App:
        """What the server is given."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entry."""
        respond = await self._invoke(Request(scope))
        await respond(scope, receive, send)


class WebServer(base.WebServer):  # type: ignore[misc]
    """The server itself, in the worker's own event loop."""

    hostname: str
    port: int
    web_app: Any

    async def serve(self) -> None:
        """Serve until the worker ends."""
        config = server_config(
            self.web_app,
            host=self.hostname,
            port=self.port,
            interface="asgi3",
            lifespan="off",
            log_level="warning",
        )
        await uvicorn.Server(config).serve()
