"""The door: one gateway per process, made late; every request handed over whole."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import azure.functions as func
import pytest

import gateway.app
from gateway.functions import door as room
from gateway.functions.door import Door, add_plane
from tests.asgi import call


@pytest.fixture
def function_app() -> Iterator[ModuleType]:
    """A fresh function_app: `get_functions` works once for each import."""
    yield importlib.import_module("function_app")
    del sys.modules["function_app"]


def _bindings(app: func.FunctionApp) -> dict[str, dict[str, Any]]:
    return {str(f.get_function_name()): f.get_bindings()[0].get_dict_repr() for f in app.get_functions()}


def test_there_is_one_http_function_for_each_plane(function_app: ModuleType) -> None:
    http = {name: b for name, b in _bindings(function_app.app).items() if "route" in b}

    assert {name: b["route"] for name, b in http.items()} == {
        "management": "api/v1/management/{*path}",
        "endpoints": "api/3.0/mlflow/gateway/{*path}",
        "health": "health/{*path}",
        "data": "{*path}",
    }


def test_the_host_asks_for_no_function_key_and_passes_every_method(function_app: ModuleType) -> None:
    for binding in (b for b in _bindings(function_app.app).values() if "route" in b):
        assert binding["authLevel"] == func.AuthLevel.ANONYMOUS
        assert "methods" not in binding


def test_the_registry_is_refreshed_every_minute(function_app: ModuleType) -> None:
    timer = _bindings(function_app.app)["refresh_registry"]

    assert (timer["schedule"], timer["useMonitor"]) == ("0 * * * * *", False)


def test_webhooks_are_delivered_twice_a_minute(function_app: ModuleType) -> None:
    timer = _bindings(function_app.app)["deliver_webhooks"]

    assert (timer["schedule"], timer["useMonitor"]) == ("15,45 * * * * *", False)


def test_no_gateway_is_made_before_it_is_asked_for(function_app: ModuleType) -> None:
    assert function_app.door._gateway is None


class Settling:
    async def settle(self) -> None:
        pass


def test_all_requests_of_a_process_share_one_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.app, "create_app", Settling)
    monkeypatch.setattr(room, "tune_worker", lambda: None)
    monkeypatch.setattr(room, "settle_on_sigterm", lambda settle: None)
    door = Door()

    assert door.gateway() is door.gateway()


def test_a_gateway_that_cannot_be_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Settling()
    attempts = iter([ValueError("GATEWAY_ENCRYPTION_KEY is not base64"), made])

    def create_app() -> object:
        if isinstance(each := next(attempts), Exception):
            raise each
        return each

    monkeypatch.setattr(gateway.app, "create_app", create_app)
    monkeypatch.setattr(room, "tune_worker", lambda: None)
    monkeypatch.setattr(room, "settle_on_sigterm", lambda settle: None)
    door = Door()

    with pytest.raises(ValueError, match="GATEWAY_ENCRYPTION_KEY"):
        door.gateway()
    assert door.gateway() is made


async def test_a_plane_answers_with_the_gateway() -> None:
    async def gateway(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = func.FunctionApp()
    add_plane(app, "data", "{*path}", lambda: gateway)
    (plane,) = app.get_functions()

    response = await plane.get_user_function()(req=None)

    assert (await call(response, "GET", "/v1/models")).status == 204
