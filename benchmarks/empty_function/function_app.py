"""A function app that reads what it is sent and answers 620 bytes: what the Functions runtime itself costs.

It streams, as a gateway must, so it is made with the extension that Microsoft has for that. Its trigger and route are
those of Roundhouse's own function_app.py. With `QUIET=1` in its environment the worker is tuned as Roundhouse tunes it;
without, it is as the platform starts it.
"""

import functools
import os

import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, Response

from benchmarks.upstream import ANSWER
from gateway.collector import look_less_often
from gateway.functions.worker_shim import tune_worker

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@functools.cache
def begin() -> None:
    """At the first request, as Roundhouse's door does it."""
    if os.environ.get("QUIET"):
        tune_worker()
        look_less_often()


@app.function_name("data")
@app.route(route="{*path}")
async def answer(req: Request) -> Response:
    """Always the same."""
    begin()
    await req.body()
    return Response(ANSWER, media_type="application/json")
