"""The worker's HTTP server: what the worker is told of it, and a request's way through it."""

import logging
from typing import Any

import pytest
import uvicorn
from azurefunctions.extensions import base

from gateway.functions import extension
from gateway.functions.extension import AsgiResponse, Request, RequestSynchronizer, WebApp, WebServer
from gateway.server.protocol import LightProtocol
from tests.asgi import call


async def echo(scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def test_the_worker_finds_the_server_and_the_types_of_an_http_function() -> None:
    assert base.HttpV2FeatureChecker.http_v2_enabled()
    assert base.ModuleTrackerMeta.get_module() == extension.__name__
    assert base.RequestTrackerMeta.check_type(Request)
    assert base.ResponseTrackerMeta.check_type(AsgiResponse)
    assert isinstance(base.RequestTrackerMeta.get_synchronizer(), RequestSynchronizer)


def test_the_worker_reads_a_header_of_a_request() -> None:
    request = Request({"headers": [(b"host", b"h"), (b"x-ms-invocation-id", b"1"), (b"x-ms-invocation-id", b"2")]})

    assert request.headers.get("x-ms-invocation-id") == "1"
    assert request.headers.get("x-other") is None


def test_the_parameters_of_a_route_are_taken_and_not_kept() -> None:
    request = Request({"headers": []})
    RequestSynchronizer().sync_route_params(request, {"path": "v1/models"})

    assert not hasattr(request, "path_params")


async def test_a_request_is_answered_by_what_its_invocation_returns() -> None:
    web_app = WebApp()

    @web_app.route
    async def catch_all(request: Request) -> AsgiResponse:
        assert request.headers.get("x-ms-invocation-id") == "7"
        return AsgiResponse(echo)

    reply = await call(web_app.get_app(), "POST", "/v1/models", headers={"x-ms-invocation-id": "7"}, body=b"{}")

    assert (reply.status, reply.body) == (201, b"{}")


async def test_what_an_invocation_raises_is_left_to_the_server() -> None:
    web_app = WebApp()

    @web_app.route
    async def catch_all(request: Request) -> AsgiResponse:
        raise ValueError("GATEWAY_ENCRYPTION_KEY")

    with pytest.raises(ValueError, match="GATEWAY_ENCRYPTION_KEY"):
        await call(web_app.get_app(), "GET", "/health")


async def test_the_server_is_where_the_worker_wants_it_and_says_nothing_of_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[uvicorn.Config] = []

    class Server:
        def __init__(self, config: uvicorn.Config) -> None:
            self._config = config

        async def serve(self) -> None:
            served.append(self._config)

    monkeypatch.setattr(uvicorn, "Server", Server)
    level = logging.getLogger("uvicorn.error").level
    try:
        web_app = WebApp()
        await WebServer("127.0.0.1", 7075, web_app).serve()
    finally:
        logging.getLogger("uvicorn.error").setLevel(level)

    (config,) = served
    assert (config.host, config.port, config.app, config.http) == ("127.0.0.1", 7075, web_app, LightProtocol)
    assert not config.access_log


async def test_the_response_is_the_app_itself() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    reply = await call(AsgiResponse(echo), "POST", "/v1/chat/completions", body=b"{}")

    assert (reply.status, reply.body) == (201, b"{}")


async def test_what_the_app_raises_is_logged_for_no_invocation_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("broken")

    with caplog.at_level(logging.ERROR, "gateway.functions.extension"), pytest.raises(RuntimeError, match="broken"):
        await call(AsgiResponse(broken), "GET", "/v1/models")

    assert "GET /v1/models" in caplog.text
