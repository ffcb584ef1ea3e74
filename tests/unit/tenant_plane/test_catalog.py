"""The catalog's routes: who may do what, what they answer, and what their refusals look like."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app import create_app
from gateway.catalog.builtin import builtin
from gateway.catalog.models import catalog_id
from gateway.settings import Settings
from tests.asgi import call
from tests.builders import SECRET
from tests.unit.tenant_plane.plane import KEY, OPERATOR, READ_ONLY, TOKEN, Plane, refused

CATALOG = "/api/v1/embedding-models/catalog"
PROVIDERS = "/api/v1/embedding-models/providers"
ID = catalog_id("openai", "text-embedding-3-small")
ROUTES = [
    ("GET", CATALOG),
    ("POST", CATALOG),
    ("GET", f"{CATALOG}/{ID}"),
    ("PUT", f"{CATALOG}/{ID}"),
    ("PATCH", f"{CATALOG}/{ID}"),
    ("DELETE", f"{CATALOG}/{ID}"),
    ("GET", PROVIDERS),
    ("GET", "/api/v1/embeddings/models"),
    ("GET", "/api/v1/embeddings/providers"),
]
WRITES = [(method, path) for method, path in ROUTES if method != "GET"]
NEW: dict[str, Any] = {"provider": "contoso", "model_id": "embed-1", "dimensions": 8, "cost_per_million_tokens": 0}


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/api/v1/embedding-models/unknown")])
async def test_every_route_demands_a_credential(plane: Plane, method: str, path: str) -> None:
    for headers in ({}, {"x-api-key": "rh-local0-wrong"}, {"authorization": "Bearer wrong"}, {"api-key": TOKEN}):
        reply = await plane.call(method, path, {}, headers=headers)
        refused(reply, 401, "Tenant ID not found in context")
        assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("headers", [KEY, {"api-key": SECRET}, {"authorization": f"Bearer {SECRET}"}], ids=str)
async def test_a_key_opens_it_in_any_of_three_headers(plane: Plane, headers: dict[str, str]) -> None:
    assert (await plane.call("GET", CATALOG, headers=headers)).status == 200


async def test_a_wrong_api_key_costs_no_read_of_storage(plane: Plane) -> None:
    await plane.call("GET", PROVIDERS)
    plane.tables.available = False
    assert (await plane.call("GET", PROVIDERS, headers={"authorization": "Bearer rh-local0-wrong"})).status == 401
    reply = await plane.call("GET", PROVIDERS, headers=OPERATOR)
    refused(reply, 503, "Service unavailable")
    assert "retry-after" in reply.headers


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_tenant_without_the_permission_may_read_only(plane: Plane, method: str, path: str) -> None:
    reply = await plane.call(method, path, NEW if method == "POST" else {}, headers=READ_ONLY)
    assert "catalog:write" in refused(reply, 403, "Permission denied")
    assert (await plane.call("GET", CATALOG, headers=READ_ONLY)).status == 200


async def test_a_management_token_may_do_everything(plane: Plane) -> None:
    made = await plane.call("POST", CATALOG, NEW, headers=OPERATOR)
    assert made.status == 201
    assert (await plane.call("GET", f"{CATALOG}/{made.json['id']}", headers=OPERATOR)).json == made.json


async def test_pages_hold_every_model_once(plane: Plane) -> None:
    ids: list[str] = []
    for page in (1, 2, 3):
        reply = await plane.call("GET", f"{CATALOG}?page={page}&limit=10&provider=bedrock&type=embedding")
        ids += [each["id"] for each in reply.json["models"]]
    expected = [x.id for x in builtin().by_id.values() if (x.provider, x.model_type) == ("bedrock", "embedding")]
    assert ids == expected
    pagination = {"page": 3, "limit": 10, "total": len(expected), "pages": -(-len(expected) // 10)}
    assert reply.json["pagination"] == pagination


async def test_a_filter_that_nothing_passes_is_an_empty_list(plane: Plane) -> None:
    reply = await plane.call("GET", f"{CATALOG}?type=telepathy")
    assert reply.json == {"models": [], "pagination": {"page": 1, "limit": 20, "total": 0, "pages": 0}}


async def test_available_only_leaves_out_what_is_not(plane: Plane) -> None:
    await plane.call("PUT", f"{CATALOG}/{ID}", {"is_available": False})
    every, available = [
        (await plane.call("GET", f"{CATALOG}?provider=openai&type=embedding&limit=100{more}")).json["models"]
        for more in ("", "&available_only=true")
    ]
    assert ID in {each["id"] for each in every}
    assert available == [each for each in every if each["is_available"]]
    assert ID not in {each["id"] for each in available}
    listed = (await plane.call("GET", "/api/v1/embeddings/models?provider=openai")).json["models"]
    assert listed == available


@pytest.mark.parametrize("query", ["page=0", "page=x", "limit=101", "limit=0", "available_only=perhaps"])
async def test_a_wrong_parameter_is_named(plane: Plane, query: str) -> None:
    details = refused(await plane.call("GET", f"{CATALOG}?{query}"), 400, "Invalid request parameter")
    assert details.startswith(query.partition("=")[0])


async def test_an_id_that_is_no_uuid_is_said_to_be_none(plane: Plane) -> None:
    assert "UUID" in refused(await plane.call("GET", f"{CATALOG}/gpt-4o"), 400, "Invalid request parameter")


async def test_a_model_is_made_read_changed_and_deleted(plane: Plane) -> None:
    made = await plane.call("POST", CATALOG, NEW)
    assert made.status == 201
    model = made.json
    assert model["id"] == catalog_id("contoso", "embed-1")
    assert (model["model_name"], model["model_type"], model["cost_per_million_tokens"]) == ("embed-1", "embedding", 0)
    assert model["output_cost_per_million_tokens"] is None
    assert model["created_at"] == model["updated_at"] and model["created_at"].endswith("Z")
    path = f"{CATALOG}/{model['id']}"
    assert (await plane.call("GET", path)).json == model
    change = {"deprecation_date": "2020-01-31", "dimensions": None, "capabilities": {"batch": 8}}
    changed = await plane.call("PATCH", path, change)
    assert changed.status == 200
    said = {"is_available": False, "is_deprecated": True, "updated_at": changed.json["updated_at"]}
    assert changed.json == {**model, **change, **said}
    deleted = await plane.call("DELETE", path)
    assert (deleted.status, deleted.body) == (204, b"")
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        refused(await plane.call(method, path, body), 404, "Model not found")


async def test_a_built_in_model_can_be_replaced_once_and_deleted(plane: Plane) -> None:
    ours = {"provider": "openai", "model_id": "text-embedding-3-small", "model_name": "Ours"}
    made = await plane.call("POST", CATALOG, ours)
    assert (made.status, made.json["id"], made.json["cost_per_million_tokens"]) == (201, ID, None)
    assert ID in refused(await plane.call("POST", CATALOG, ours), 409, "Model already exists")
    assert (await plane.call("DELETE", f"{CATALOG}/{ID}")).status == 204
    refused(await plane.call("GET", f"{CATALOG}/{ID}"), 404, "Model not found")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({**NEW, "dimensions": -1}, "dimensions must be greater than 0"),
        ({**NEW, "dimensions": "8"}, "dimensions must be an integer"),
        ({**NEW, "cost_per_million_tokens": -1}, "cost_per_million_tokens must be"),
        ({**NEW, "dimension": 8}, "did you mean 'dimensions'?"),
        ({**NEW, "deprecation_date": "soon"}, "deprecation_date must be a date such as"),
        ({**NEW, "deprecation_date": 5}, "deprecation_date must be a date such as"),
        ({**NEW, "capabilities": {"x": "y" * 20_000}}, "capabilities must be at most 16,384 characters"),
        ({"model_id": "m"}, "provider is required"),
        ({**NEW, "model_type": None}, "model_type must be a string"),
    ],
)
async def test_a_wrong_body_is_refused_by_its_field(plane: Plane, body: Any, problem: str) -> None:
    assert problem in refused(await plane.call("POST", CATALOG, body), 400, "Invalid request body")


async def test_what_json_can_not_say_is_refused(plane: Plane) -> None:
    raw = b'{"provider": "p", "model_id": "m", "capabilities": {"x": NaN}}'
    reply = await call(plane.app, "POST", CATALOG, headers=KEY, body=raw)
    assert "NaN" in refused(reply, 400, "Invalid request body")


async def test_every_model_keeps_a_name(plane: Plane) -> None:
    details = refused(await plane.call("PUT", f"{CATALOG}/{ID}", {"model_name": None}), 400, "Invalid request body")
    assert details.startswith("model_name must be a string")


async def test_providers_say_what_they_offer(plane: Plane) -> None:
    await plane.call("POST", CATALOG, {**NEW, "is_available": False})
    every = {each["name"]: each for each in (await plane.call("GET", PROVIDERS)).json["providers"]}
    ours = {"name": "contoso", "models": 1, "available_models": 0, "model_types": ["embedding"]}
    assert every["contoso"] == ours
    assert {"chat", "embedding"} <= set(every["openai"]["model_types"])
    embedding = (await plane.call("GET", "/api/v1/embeddings/providers")).json["providers"]
    assert all(each["model_types"] == ["embedding"] for each in embedding)
    assert "contoso" not in {each["name"] for each in embedding}


async def test_other_methods_and_paths_are_refused_in_the_same_shape(plane: Plane) -> None:
    reply = await plane.call("DELETE", CATALOG)
    refused(reply, 405, "Method not allowed")
    assert reply.headers["allow"] == "GET, POST"
    refused(await plane.call("GET", "/api/v1/embedding-models/unknown"), 404, "Not found")
    refused(await plane.call("GET", "/api/v1/embeddings/unknown"), 404, "Not found")


async def test_embeddings_themselves_stay_with_the_data_plane_and_a_defect_is_opaque(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: object) -> None:
        raise RuntimeError("secret detail")

    gateway = create_app(Settings(), plane.tables)
    try:
        body = {"model": "m", "input": "x"}
        reply = await call(gateway, "POST", "/api/v1/embeddings", headers=KEY, json_body=body)
        assert (reply.status, reply.json["error"]["code"]) == (404, "model_not_found")
        reply = await call(gateway, "GET", CATALOG)
        refused(reply, 401, "Tenant ID not found in context")
        assert len(reply.headers["x-request-id"]) == 32
        monkeypatch.setattr("gateway.storage.catalog.CatalogStore.list", broken)
        reply = await call(gateway, "GET", CATALOG, headers=KEY)
        assert "secret detail" not in refused(reply, 500, "Internal server error")
        assert len(reply.headers["x-request-id"]) == 32
    finally:
        await gateway.close()
