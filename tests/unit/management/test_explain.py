"""Route explain."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.management.plane import EAST, UPSERT, Plane


async def explain(plane: Plane, status: int = 200, **asked: Any) -> Any:
    reply = await plane.call("POST", "/explain", {"path": "/v1/chat/completions", **asked})
    assert reply.status == status, reply.body
    return reply.json


async def test_every_deployment_is_told_with_its_turn_and_its_reason(plane: Plane) -> None:
    for name in ("east", "west"):
        await plane.call("PATCH", UPSERT, {**EAST, "friendly_name": name})
    await plane.call("PATCH", UPSERT, {**EAST, "friendly_name": "only", "models": ["gpt-4o"]})
    told = await explain(plane, body={"model": "any"})
    assert (told["operation"], told["model"], told["pool"], told["error"]) == ("chat", "any", "class", None)
    assert [(each["deployment"], each["chosen"], each["order"]) for each in told["candidates"]] == [
        ("east", True, 1),
        ("west", False, 2),
        ("only", False, None),
    ]
    assert told["candidates"][2]["reason"] == "refused: serves only gpt-4o"
    assert await explain(plane, body={"model": "any"}) == told, "no turn was taken"
    assert plane.probed == []


async def test_a_tenants_limits_decide_and_the_error_is_the_callers(plane: Plane) -> None:
    await plane.call("PATCH", UPSERT, EAST)
    await plane.call("POST", "/tenants", {"id": "contoso", "name": "Contoso", "models": ["gpt-4"]})
    told = await explain(plane, tenant_id="contoso", body={"model": "other"})
    assert (told["pool"], told["error"]["status"], told["error"]["code"]) == (None, 404, "model_not_found")
    assert (await explain(plane, tenant_id="contoso", body={"model": "gpt-4"}))["error"] is None


@pytest.mark.parametrize(
    ("asked", "status", "param"),
    [
        ({"tenant_id": "unknown"}, 404, "tenant_id"),
        ({"path": "/v1/unknown"}, 404, "path"),
        ({"path": "no path"}, 400, "path"),
        ({"method": "GET"}, 400, "method"),
        ({"method": "FETCH"}, 400, "method"),
        ({"body": {"model": 5}}, 400, "model"),
        ({"body": []}, 400, "body"),
        ({"unknown": 1}, 400, "unknown"),
    ],
)
async def test_what_is_no_call_is_refused(plane: Plane, asked: dict[str, Any], status: int, param: str | None) -> None:
    assert (await explain(plane, status, **asked))["error"]["param"] == param
