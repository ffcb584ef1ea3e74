"""Hands every HTTP invocation of the Functions worker to the one gateway, and makes that gateway at its first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import azure.functions as func

from gateway.asgi import App
from gateway.collector import look_less_often
from gateway.functions.extension import AsgiResponse, Request
from gateway.functions.stopping import settle_on_sigterm
from gateway.functions.worker_shim import tune_worker

if TYPE_CHECKING:
    from gateway.app import Gateway


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
    async def serve(req: Request) -> AsgiResponse:
        return AsgiResponse(gateway())
