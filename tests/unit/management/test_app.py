"""The control plane as a whole: every route it documents, and what is behind none of them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from gateway.app import create_app
from gateway.asgi import MLFLOW_PREFIX
from gateway.management.document import operations
from gateway.management.guard import OPEN_PATHS
from gateway.settings import Settings
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from tests.asgi import call
from tests.unit.management.plane import EAST, PREFIX, TOKEN, UPSERT, Plane, mlflow_refusal, refusal

ROUTES = {
    ("GET", "/docs"),
    ("GET", "/listevents/{which}"),
    ("GET", "/modeldeployment/list/{which}"),
    ("GET", "/modeldeployment/{deployment_class}/{friendly_name}"),
    ("GET", "/openapi.json"),
    ("GET", "/tenants"),
    ("GET", "/tenants/{tenant_id}"),
    ("GET", "/tenants/{tenant_id}/keys"),
    ("GET", "/usage"),
    ("GET", "/usage/calls"),
    ("GET", "/webhooks"),
    ("GET", "/webhooks/dead-letters"),
    ("GET", "/webhooks/{webhook_id}"),
    ("GET", "/webhooks/{webhook_id}/deliveries"),
    ("DELETE", "/modeldeployment/{deployment_class}/{friendly_name}"),
    ("DELETE", "/tenants/{tenant_id}"),
    ("DELETE", "/tenants/{tenant_id}/keys/{key_id}"),
    ("DELETE", "/webhooks/{webhook_id}"),
    ("PATCH", "/modeldeployment/upsert"),
    ("PATCH", "/tenants/{tenant_id}"),
    ("PATCH", "/webhooks/{webhook_id}"),
    ("POST", "/explain"),
    ("POST", "/modeldeployment/{deployment_class}/{friendly_name}/test"),
    ("POST", "/tenants"),
    ("POST", "/tenants/{tenant_id}/keys"),
    ("POST", "/webhooks"),
    ("POST", "/webhooks/dead-letters/{delivery_id}/replay"),
    ("POST", "/webhooks/{webhook_id}/replay"),
    ("POST", "/webhooks/{webhook_id}/rotate-secret"),
    ("POST", "/webhooks/{webhook_id}/test"),
}
MLFLOW_ROUTES = {
    ("GET", "/endpoints/get"),
    ("GET", "/endpoints/list"),
    ("GET", "/endpoints/{endpoint_id}/status"),
    ("GET", "/keys/get"),
    ("GET", "/keys/list"),
    ("GET", "/providers/list"),
    ("POST", "/endpoints/create"),
    ("POST", "/endpoints/delete"),
    ("POST", "/endpoints/update"),
    ("POST", "/endpoints/{endpoint_id}/models/attach"),
    ("POST", "/endpoints/{endpoint_id}/models/detach"),
    ("POST", "/endpoints/{endpoint_id}/start"),
    ("POST", "/endpoints/{endpoint_id}/stop"),
    ("POST", "/keys/create"),
    ("POST", "/keys/delete"),
    ("POST", "/keys/rotate"),
    ("POST", "/keys/update"),
}


def routes(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, method, _ in operations(document)]


async def test_the_routes_are_those_of_the_contract(plane: Plane) -> None:
    contract = {(method, PREFIX + path) for method, path in ROUTES}
    contract |= {(method, MLFLOW_PREFIX + path) for method, path in MLFLOW_ROUTES}
    assert set(routes(plane.app.openapi())) == contract


async def test_every_route_but_the_open_ones_answers_401_without_a_token(plane: Plane) -> None:
    for method, path in routes(plane.app.openapi()):
        reply = await call(plane.app, method, path)
        if path in OPEN_PATHS:
            assert reply.status == 200
        elif path.startswith(MLFLOW_PREFIX):
            mlflow_refusal(reply, 401, "UNAUTHENTICATED")
        else:
            assert refusal(reply, 401)["code"] == "invalid_management_token"


async def test_every_route_names_its_methods_to_one_that_is_wrong(plane: Plane) -> None:
    document = plane.app.openapi()
    for path, methods in document["paths"].items():
        if path.startswith(MLFLOW_PREFIX):
            reply = await plane.ask("PUT", path.removeprefix(MLFLOW_PREFIX))
            mlflow_refusal(reply, 405, "BAD_REQUEST")
        else:
            reply = await plane.call("PUT", path.removeprefix(PREFIX))
            assert refusal(reply, 405)["code"] == "method_not_allowed"
        assert reply.headers["allow"] == ", ".join(method.upper() for method in methods)


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/tenants/", "/tenants/a/b", "/docs/", "/modeldeployment/upsert/"]
)
async def test_an_unknown_path_is_404(plane: Plane, path: str) -> None:
    assert refusal(await plane.call("GET", path), 404)["code"] == "not_found"


async def test_a_defect_is_an_opaque_500_that_names_the_request_it_is_logged_under(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def defective(self: object) -> None:
        raise ZeroDivisionError("s3cret")

    tables = MemoryTables()
    await tables.put("management", Row("management", TOKEN, {"Active": True}))
    monkeypatch.setattr("gateway.storage.tenants.TenantStore.list", defective)
    gateway = create_app(Settings(), tables)
    reply = await call(gateway, "GET", f"{PREFIX}/tenants", headers={"authorization": f"Bearer {TOKEN}"})
    await gateway.close()
    error = refusal(reply, 500)
    assert error["code"] == "internal_error" and "s3cret" not in reply.body.decode()
    request_id = reply.headers["x-request-id"]
    assert request_id in error["message"]
    assert any(request_id in record.getMessage() and record.exc_info for record in caplog.records)


async def test_behind_the_gateway_every_answer_carries_a_request_id() -> None:
    tables = MemoryTables()
    await tables.put("management", Row("management", TOKEN, {"Active": True}))
    gateway = create_app(Settings(), tables)
    headers = {"authorization": f"Bearer {TOKEN}"}
    for method, path, body, status in [
        ("GET", "/tenants", None, 200),
        ("PATCH", UPSERT, {**EAST, "weight": 0}, 400),
        ("GET", "/nothing", None, 404),
        ("GET", "/docs", None, 200),
    ]:
        reply = await call(gateway, method, PREFIX + path, headers=headers, json_body=body)
        assert reply.status == status and reply.headers["x-request-id"]
    await gateway.close()


def test_fastapi_is_loaded_with_the_control_plane_and_not_before() -> None:
    lines = [
        "import sys, gateway.app",
        "assert not {'fastapi', 'pydantic'} & set(sys.modules)",
        "import gateway.management.app",
        "assert 'fastapi' in sys.modules",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=60)
