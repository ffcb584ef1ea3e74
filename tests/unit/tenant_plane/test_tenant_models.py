"""The routes of a tenant's models: who may, what is stored, what they answer and refuse."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.registry.limits import FIELDS
from tests.builders import tenant
from tests.unit.tenant_plane.plane import CHAT, KEY, LARGE, MODELS, OPERATOR, READ_ONLY, SMALL, Plane, refused

# Seed 002's bodies.
CREATION: dict[str, Any] = {
    "model_id": SMALL,
    "is_enabled": True,
    "is_default": False,
    "monthly_token_limit": 10000000,
    "daily_token_limit": 500000,
    "monthly_request_limit": 10000,
    "priority": 100,
}
CHANGE = {"is_enabled": True, "monthly_token_limit": 20000000, "daily_token_limit": 1000000, "priority": 150}
WRITES = [
    ("POST", MODELS, CREATION),
    ("PUT", f"{MODELS}/{SMALL}", CHANGE),
    ("POST", f"{MODELS}/{SMALL}/set-default", None),
    ("DELETE", f"{MODELS}/{SMALL}", None),
]


async def ids(plane: Plane, query: str = "") -> list[str]:
    answer = await plane.ask("GET", MODELS + query)
    return [each["model_id"] for each in answer["models"]]


async def test_a_model_is_configured_as_the_document_writes_it(plane: Plane) -> None:
    made = await plane.ask("POST", MODELS, CREATION, 201)
    assert made.items() >= CREATION.items()
    assert list(made)[:4] == ["model_id", "provider", "model_identifier", "model_name"]
    assert (made["provider"], made["model_identifier"]) == ("openai", "text-embedding-3-small")
    assert (made["dimensions"], made["cost_per_million_tokens"], made["model_type"]) == (1536, 0.02, "embedding")
    assert made["is_available"] is True and made["is_deprecated"] is False
    assert made["created_at"] == made["updated_at"] == "2026-11-20T12:01:10Z"
    assert [name for name in FIELDS if made[name] is not None] == [
        "daily_token_limit",
        "monthly_request_limit",
        "monthly_token_limit",
    ]
    listed = await plane.ask("GET", MODELS)
    assert listed == {"models": [made], "pagination": {"page": 1, "limit": 20, "total": 1, "pages": 1}}
    assert plane.snapshot.callers["local0"].models.by_name.keys() == {"text-embedding-3-small"}


async def test_an_id_alone_is_enough_in_any_spelling(plane: Plane) -> None:
    made = await plane.configure(SMALL.upper())
    assert made["model_id"] == SMALL
    assert (made["is_enabled"], made["is_default"], made["priority"]) == (True, False, 100)
    assert all(made[name] is None for name in FIELDS)


async def test_a_change_keeps_what_it_leaves_out_and_null_resets(plane: Plane) -> None:
    made = await plane.ask("POST", MODELS, {**CREATION, "rpm": 5, "daily_cost_limit": 0.1}, 201)
    changed = await plane.ask("PUT", f"{MODELS}/{SMALL}", CHANGE)
    assert changed == {**made, **CHANGE, "updated_at": "2026-11-20T12:02:10Z"}
    nulls = {"rpm": None, "priority": None, "daily_token_limit": None}
    reset = await plane.ask("PUT", f"{MODELS}/{SMALL}", nulls)
    assert reset == {**changed, **nulls, "priority": 100, "updated_at": "2026-11-20T12:03:10Z"}
    assert await plane.ask("PUT", f"{MODELS}/{SMALL}", {}) == reset


async def test_a_zero_limit_stays_zero(plane: Plane) -> None:
    assert (await plane.configure(daily_token_limit=0, daily_cost_limit=0))["daily_token_limit"] == 0
    [model] = (await plane.ask("GET", MODELS))["models"]
    assert (model["daily_token_limit"], model["daily_cost_limit"]) == (0, 0)


async def test_there_is_one_default_at_most(plane: Plane) -> None:
    await plane.configure(SMALL, is_default=True)
    await plane.configure(LARGE)
    made = await plane.ask("POST", f"{MODELS}/{LARGE}/set-default")
    assert made["is_default"] is True
    assert await plane.ask("POST", f"{MODELS}/{LARGE}/set-default") == made
    models = (await plane.ask("GET", MODELS))["models"]
    assert {each["model_id"]: each["is_default"] for each in models} == {SMALL: False, LARGE: True}
    await plane.ask("PUT", f"{MODELS}/{SMALL}", {"is_default": True})
    models = (await plane.ask("GET", MODELS))["models"]
    assert {each["model_id"]: each["is_default"] for each in models} == {SMALL: True, LARGE: False}
    default = plane.snapshot.callers["local0"].models.default
    assert default is not None and default.model_id == SMALL


async def test_of_two_that_become_the_default_at_once_one_is_it(plane: Plane) -> None:
    for model_id in (SMALL, LARGE):
        await plane.configure(model_id)
    replies = await asyncio.gather(*(plane.call("POST", f"{MODELS}/{each}/set-default") for each in (SMALL, LARGE)))
    assert [each.status for each in replies] == [200, 200]
    assert sum(each["is_default"] for each in (await plane.ask("GET", MODELS))["models"]) == 1


async def test_a_disabled_model_is_no_default(plane: Plane) -> None:
    await plane.configure(SMALL, is_default=True)
    assert (await plane.ask("PUT", f"{MODELS}/{SMALL}", {"is_enabled": False}))["is_default"] is False
    for method, path, body in (
        ("POST", f"{MODELS}/{SMALL}/set-default", None),
        ("PUT", f"{MODELS}/{SMALL}", {"is_default": True}),
        ("POST", MODELS, {"model_id": LARGE, "is_enabled": False, "is_default": True}),
    ):
        assert "default" in refused(await plane.call(method, path, body), 400, "Invalid request body")


async def test_the_preferred_come_first_and_pages_hold_each_once(plane: Plane) -> None:
    for model_id, priority in ((SMALL, 10), (LARGE, 30), (CHAT, 20)):
        await plane.configure(model_id, priority=priority)
    assert await ids(plane) == [LARGE, CHAT, SMALL]
    assert await ids(plane, "?page=2&limit=2") == [SMALL]
    await plane.ask("PUT", f"{MODELS}/{CHAT}", {"is_enabled": False})
    assert await ids(plane, "?enabled_only=true") == [LARGE, SMALL]


async def test_what_the_catalog_lost_is_still_listed(plane: Plane) -> None:
    made = await plane.configure()
    await plane.ask("DELETE", f"/api/v1/embedding-models/catalog/{SMALL}", status=204)
    [model] = (await plane.ask("GET", MODELS))["models"]
    lost = {"model_name": "text-embedding-3-small", "is_available": False}
    assert model == {**made, **lost, "dimensions": None, "max_tokens": None, "cost_per_million_tokens": None}


async def test_a_model_is_taken_from_a_tenant(plane: Plane) -> None:
    await plane.configure()
    assert await plane.ask("DELETE", f"{MODELS}/{SMALL}", status=204) is None
    assert await ids(plane) == []
    assert plane.snapshot.callers["local0"].models.all == ()


async def test_what_is_not_there_is_404(plane: Plane) -> None:
    unknown = "550e8400-e29b-41d4-a716-446655440000"
    refused(await plane.call("POST", MODELS, {"model_id": unknown}), 404, "Model not found")
    for method, path, body in WRITES[1:]:
        refused(await plane.call(method, path, body), 404, "Model not found")


async def test_a_second_configuration_of_a_model_is_409(plane: Plane) -> None:
    await plane.configure()
    assert SMALL in refused(await plane.call("POST", MODELS, CREATION), 409, "Model already exists")


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_key_can_not_widen_its_own_rights(plane: Plane, method: str, path: str, body: Any) -> None:
    details = refused(await plane.call(method, path, body, headers=READ_ONLY), 403, "Permission denied")
    assert "models:write" in details
    assert (await plane.call("GET", MODELS, headers=READ_ONLY)).json["models"] == []


async def test_an_operator_names_the_tenant(plane: Plane) -> None:
    made = await plane.ask("POST", f"{MODELS}?tenant_id=reader", CREATION, 201, headers=OPERATOR)
    assert (await plane.ask("GET", MODELS, headers=READ_ONLY))["models"] == [made]
    assert await ids(plane) == []
    await plane.ask("PUT", f"{MODELS}/{SMALL}?tenant_id=reader", {}, headers=OPERATOR)
    await plane.ask("DELETE", f"{MODELS}/{SMALL}?tenant_id=reader", status=204, headers=OPERATOR)
    for path in (MODELS, f"{MODELS}/usage", f"{MODELS}/quotas"):
        details = refused(await plane.call("GET", path, headers=OPERATOR), 400, "Invalid request parameter")
        assert details.startswith("tenant_id")
        refused(await plane.call("GET", f"{path}?tenant_id=nobody", headers=OPERATOR), 404, "Not found")


async def test_a_key_reaches_its_own_tenant_alone(plane: Plane) -> None:
    refused(await plane.call("GET", f"{MODELS}?tenant_id=reader"), 403, "Permission denied")
    assert (await plane.call("GET", f"{MODELS}?tenant_id=local")).status == 200


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"model_id": "gpt-4o"}, "model_id must be a UUID"),
        ({"model_id": None}, "model_id must be a string"),
        ({"priority": 1001}, "priority must be less than or equal to 1000"),
        ({"priority": -1}, "priority must be greater than or equal to 0"),
        ({"daily_token_limit": -1}, "daily_token_limit must be greater than or equal to 0"),
        ({"daily_token_limit": 0.5}, "daily_token_limit must be an integer"),
        ({"monthly_cost_limit": "1"}, "monthly_cost_limit must be a number"),
        ({"daily_tokens_limit": 1}, "did you mean 'daily_token_limit'?"),
        ({"is_enabled": 1}, "is_enabled must be true or false"),
    ],
)
async def test_a_wrong_body_is_refused_by_its_field(plane: Plane, fields: dict[str, Any], problem: str) -> None:
    reply = await plane.call("POST", MODELS, {**CREATION, **fields})
    assert problem in refused(reply, 400, "Invalid request body")
    assert await ids(plane) == []


async def test_a_tenant_that_is_gone_gets_no_model(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    await plane.tenants.delete("local")
    refused(await plane.call("POST", MODELS, CREATION), 404, "Not found")
    await plane.tenants.create(tenant())
    assert await ids(plane) == []


async def test_other_methods_and_paths_are_refused_in_the_same_shape(plane: Plane) -> None:
    reply = await plane.call("PATCH", MODELS)
    refused(reply, 405, "Method not allowed")
    assert reply.headers["allow"] == "GET, POST"
    refused(await plane.call("GET", f"{MODELS}/x/y/z"), 404, "Not found")
    refused(await plane.call("GET", MODELS, headers={}), 401, "Tenant ID not found in context")
    assert (await plane.call("GET", MODELS, headers=KEY)).status == 200
