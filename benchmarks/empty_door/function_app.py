"""An ASGI app that reads what it is sent and answers 620 bytes, behind Roundhouse's own door to the worker."""

import functools

import azure.functions as func

from benchmarks.upstream import ANSWER
from gateway.asgi import App, Receive, Scope, Send, answer, read_body
from gateway.collector import look_less_often
from gateway.functions.door import add_plane
from gateway.functions.worker_shim import tune_worker

MEGABYTE = 1024 * 1024


async def always_the_same(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI's entry."""
    await read_body(receive, MEGABYTE)
    await answer(send, 200, ANSWER)


@functools.cache
def begin() -> App:
    """At the first request, as Roundhouse's door does it."""
    tune_worker()
    look_less_often()
    return always_the_same


app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
add_plane(app, "data", "{*path}", begin)
