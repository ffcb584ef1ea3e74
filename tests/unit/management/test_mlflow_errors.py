"""Errors of the routes of endpoints, keys and providers: every one in MLflow's shape, whoever raises it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway import errors
from gateway.app import Gateway, create_app
from gateway.asgi import MLFLOW_PREFIX
from gateway.errors import GatewayError, InvalidApiKey, ModelNotFound, OperationNotSupported
from gateway.management.guard import MAX_BODY_BYTES
from gateway.settings import Settings
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from tests.asgi import Reply, call
from tests.unit.management.plane import TOKEN, Plane, mlflow_refusal


@pytest.fixture
async def gateway() -> AsyncIterator[tuple[Gateway, MemoryTables]]:
    """The whole app, as a server would call it."""
    tables = MemoryTables()
    await tables.put("management", Row("management", TOKEN, {"Active": True}))
    made = create_app(Settings(), tables)
    yield made, tables
    await made.close()


async def ask(gateway: Gateway, method: str, path: str, token: str = TOKEN, **more: Any) -> Reply:
    return await call(gateway, method, MLFLOW_PREFIX + path, headers={"authorization": f"Bearer {token}"}, **more)


async def test_behind_the_gateway_every_error_has_the_shape_and_every_answer_a_request_id(
    gateway: tuple[Gateway, MemoryTables], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, tables = gateway
    replies = [
        (await ask(app, "GET", "/endpoints/list", token="another-token-of-nobody"), 401, "UNAUTHENTICATED"),
        (await ask(app, "GET", "/nothing"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (await ask(app, "GET", ""), 404, "RESOURCE_DOES_NOT_EXIST"),
        (
            await ask(app, "GET", "/endpoints/get?name=x".partition("?")[0], query="name=x"),
            404,
            "RESOURCE_DOES_NOT_EXIST",
        ),
        (await ask(app, "DELETE", "/endpoints/list"), 405, "BAD_REQUEST"),
        (await ask(app, "POST", "/endpoints/create", body=b"{"), 400, "INVALID_PARAMETER_VALUE"),
        (await ask(app, "POST", "/endpoints/create", body=b"[]"), 400, "INVALID_PARAMETER_VALUE"),
        (await ask(app, "POST", "/keys/create", body=b" " * (MAX_BODY_BYTES + 1)), 413, "BAD_REQUEST"),
        (
            await ask(app, "POST", "/keys/create", json_body={"name": "k", "provider": "openai", "value": "s"}),
            503,
            "FEATURE_DISABLED",
        ),
    ]
    assert replies[0][0].headers["www-authenticate"] == "Bearer"
    assert replies[4][0].headers["allow"] == "GET"
    tables.available = False
    outage = await ask(app, "GET", "/endpoints/list")
    assert int(outage.headers["retry-after"]) > 0
    replies.append((outage, 503, "TEMPORARILY_UNAVAILABLE"))
    tables.available = True

    async def defective(self: object) -> None:
        raise ZeroDivisionError("s3cret")

    monkeypatch.setattr("gateway.storage.endpoints.EndpointStore.list", defective)
    defect = await ask(app, "GET", "/endpoints/list")
    replies.append((defect, 500, "INTERNAL_ERROR"))
    for reply, status, code in replies:
        message = mlflow_refusal(reply, status, code)
        assert len(reply.headers["x-request-id"]) == 32 and "s3cret" not in message
    assert defect.headers["x-request-id"] in defect.json["message"]


async def test_other_paths_keep_openais_shape(gateway: tuple[Gateway, MemoryTables]) -> None:
    app, _ = gateway
    for path in ("/api/3.0/mlflow/experiments/list", "/api/v1/management/endpoints/list"):
        reply = await call(app, "GET", path, headers={"authorization": f"Bearer {TOKEN}"})
        assert (reply.status, list(reply.json)) == (404, ["error"])


async def test_the_token_is_asked_for_before_anything_else(plane: Plane) -> None:
    for method, path in [("GET", ""), ("GET", "/nothing"), ("PUT", "/endpoints/list"), ("POST", "/endpoints/create")]:
        reply = await plane.ask(method, path, headers={}, body=b"x" * (MAX_BODY_BYTES + 1))
        mlflow_refusal(reply, 401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (GatewayError, "INTERNAL_ERROR"),
        (errors.InvalidRequest, "INVALID_PARAMETER_VALUE"),
        (OperationNotSupported, "INVALID_PARAMETER_VALUE"),
        (InvalidApiKey, "UNAUTHENTICATED"),
        (errors.PermissionDenied, "PERMISSION_DENIED"),
        (ModelNotFound, "RESOURCE_DOES_NOT_EXIST"),
        (errors.Conflict, "RESOURCE_CONFLICT"),
        (errors.AlreadyExists, "RESOURCE_ALREADY_EXISTS"),
        (errors.UpstreamTimeout, "INTERNAL_ERROR"),
        (errors.EndpointNotRunning, "TEMPORARILY_UNAVAILABLE"),
        (errors.EncryptionNotConfigured, "FEATURE_DISABLED"),
    ],
)
def test_the_nearest_class_of_the_tree_names_an_error(kind: type[GatewayError], code: str) -> None:
    assert kind.mlflow_code == code
