"""The routes of usage and quotas: the shapes of the document, from what was recorded and what was counted."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.limits.accounts import Amounts
from gateway.limits.tenant_accounts import model_account, tenant_account
from gateway.metering.rollups import Totals
from gateway.registry.limits import NANODOLLARS, Limits
from gateway.registry.time_zones import time_zone
from tests.unit.tenant_plane.plane import CHAT, LARGE, MODELS, OPERATOR, SMALL, Plane, refused

IDENTITY = "local@1767225600"


def totals(tokens: int, requests: int, dollars: float = 0.0, failed: int = 0) -> Totals:
    return Totals(
        input_tokens=tokens - 1, output_tokens=1, requests=requests, failed=failed, cost=int(dollars * NANODOLLARS)
    )


async def spend(plane: Plane, model_id: str, tokens: int, requests: int = 1) -> None:
    """Spend of the model's limits and of the tenant's, as the data plane does."""
    caller = plane.snapshot.callers["local0"]
    model = next(each for each in caller.models.all if each.model_id == model_id)
    accounts = [tenant_account(caller.tenant, time_zone), model_account(caller.tenant, model, time_zone)]
    for _ in range(requests):
        reservation = await plane.quotas.reserve(accounts, Amounts(1, tokens // requests))
        reservation.settle(Amounts(1, tokens // requests))


async def test_usage_has_the_documents_shape(plane: Plane) -> None:
    plane.usage.came_to["month"] = {SMALL: totals(3234567, 8345, 64.69), LARGE: totals(2000000, 4000, 40.0)}
    answer = await plane.ask("GET", f"{MODELS}/usage?period=month")
    assert answer == {
        "period": "month",
        "start_time": "2026-11-01T00:00:00Z",
        "end_time": "2026-11-30T23:59:59Z",
        "total_tokens": 5234567,
        "total_requests": 12345,
        "total_cost": 104.69,
        "by_model": {
            SMALL: {"tokens": 3234567, "requests": 8345, "cost": 64.69},
            LARGE: {"tokens": 2000000, "requests": 4000, "cost": 40.0},
        },
    }
    assert list(answer) == [
        *("period", "start_time", "end_time", "total_tokens", "total_requests", "total_cost", "by_model")
    ]
    assert plane.usage.asked == [(IDENTITY, "month", "2026-11")]


async def test_usage_of_one_model_on_one_day(plane: Plane) -> None:
    plane.usage.came_to["day"] = {SMALL: totals(10, 2), LARGE: totals(5, 1)}
    answer = await plane.ask("GET", f"{MODELS}/usage?model_id={SMALL}&period=day")
    assert (answer["start_time"], answer["end_time"]) == ("2026-11-20T00:00:00Z", "2026-11-20T23:59:59Z")
    assert (answer["total_tokens"], answer["total_requests"]) == (10, 2)
    assert answer["by_model"] == {SMALL: {"tokens": 10, "requests": 2, "cost": 0.0}}
    never = await plane.ask("GET", f"{MODELS}/usage?model_id={CHAT}&period=day")
    assert (never["total_requests"], never["by_model"]) == (0, {CHAT: {"tokens": 0, "requests": 0, "cost": 0.0}})


async def test_calls_of_no_known_model_are_in_the_totals_alone(plane: Plane) -> None:
    plane.usage.came_to["month"] = {"": totals(7, 3), SMALL: totals(2, 1)}
    answer = await plane.ask("GET", f"{MODELS}/usage")
    assert (answer["total_tokens"], answer["total_requests"], list(answer["by_model"])) == (9, 4, [SMALL])


async def test_an_operator_sees_the_usage_of_any_tenant(plane: Plane) -> None:
    await plane.ask("GET", f"{MODELS}/usage?tenant_id=reader&period=day", headers=OPERATOR)
    assert plane.usage.asked == [("reader@1767225600", "day", "2026-11-20")]


@pytest.mark.parametrize("query", ["period=week", "model_id=gpt-4o"])
async def test_a_wrong_parameter_is_named(plane: Plane, query: str) -> None:
    details = refused(await plane.call("GET", f"{MODELS}/usage?{query}"), 400, "Invalid request parameter")
    assert details.startswith(query.partition("=")[0])


async def test_quotas_have_the_documents_shape_and_count_what_was_spent(plane: Plane) -> None:
    limits = {"monthly_token_limit": 10000, "daily_token_limit": 500, "monthly_request_limit": 100}
    await plane.configure(**limits)
    await spend(plane, SMALL, 200, requests=4)
    answer = await plane.ask("GET", f"{MODELS}/quotas")
    quota = {
        "model_id": SMALL,
        "monthly_token_limit": 10000,
        "monthly_tokens_used": 200,
        "daily_token_limit": 500,
        "daily_tokens_used": 200,
        "monthly_request_limit": 100,
        "monthly_requests_used": 4,
        "is_within_limits": True,
    }
    assert answer == {"tenant_id": "local", "quotas": [quota]}
    assert list(answer["quotas"][0]) == list(quota)
    await spend(plane, SMALL, 300)
    [after] = (await plane.ask("GET", f"{MODELS}/quotas"))["quotas"]
    assert (after["daily_tokens_used"], after["is_within_limits"]) == (500, False)
    plane.pass_time(days=1)
    [tomorrow] = (await plane.ask("GET", f"{MODELS}/quotas"))["quotas"]
    assert (tomorrow["daily_tokens_used"], tomorrow["monthly_tokens_used"]) == (0, 500)
    assert tomorrow["is_within_limits"] is True


async def test_where_no_limit_is_set_what_was_used_is_still_true(plane: Plane) -> None:
    await plane.configure()
    plane.usage.came_to = {"day": {SMALL: totals(5, 2)}, "month": {SMALL: totals(50, 20, failed=3)}}
    [quota] = (await plane.ask("GET", f"{MODELS}/quotas"))["quotas"]
    assert quota == {
        "model_id": SMALL,
        "monthly_token_limit": None,
        "monthly_tokens_used": 50,
        "daily_token_limit": None,
        "daily_tokens_used": 5,
        "monthly_request_limit": None,
        "monthly_requests_used": 17,
        "is_within_limits": True,
    }


async def test_me_tells_all_about_the_key(plane: Plane) -> None:
    await plane.change(limits=Limits(rpm=60, daily_token_limit=1000, daily_cost_limit=0.5), max_token_cap=64)
    await plane.configure(SMALL, is_default=True, daily_token_limit=400)
    plane.usage.came_to = {"day": {SMALL: totals(100, 1)}, "month": {SMALL: totals(100, 1), LARGE: totals(9, 2, 0.5)}}
    await spend(plane, SMALL, 100)
    me = await plane.ask("GET", "/api/v1/me")
    assert me["tenant"] == {
        "id": "local",
        "name": "Local",
        "start_utc": None,
        "end_utc": None,
        "time_zone": "UTC",
        "max_token_cap": 64,
        "permissions": ["models:write"],
    }
    assert me["key"] == {"id": "local0", "name": "ci"}
    assert me["allowed_models"] == ["text-embedding-3-small"]
    standings = {each["name"]: each for each in me["limits"]}
    assert list(standings) == ["requests_minute", "tokens_day", "cost_day"]
    assert standings["tokens_day"] == {
        "name": "tokens_day",
        "metric": "tokens",
        "period": "day",
        "limit": 1000,
        "used": 100,
        "remaining": 900,
        "resets_at": "2026-11-21T00:00:00Z",
        "exhausted_at": None,
    }
    assert (standings["cost_day"]["limit"], standings["cost_day"]["used"]) == (0.5, 0.0)
    assert standings["requests_minute"]["used"] == 0
    assert me["used_this_month"] == {"tokens": 109, "requests": 3, "cost": 0.5}
    [own, other] = me["models"]
    assert (own["model_id"], own["is_configured"], own["is_default"], own["is_enabled"]) == (SMALL, True, True, True)
    assert [(each["name"], each["used"], each["limit"]) for each in own["limits"]] == [("tokens_day", 100, 400)]
    assert own["used_today"] == {"tokens": 100, "requests": 1, "cost": 0.0}
    assert other == {
        "model_id": LARGE,
        "model_identifier": "text-embedding-3-large",
        "provider": "openai",
        "is_configured": False,
        "is_enabled": False,
        "is_default": False,
        "limits": [],
        "used_today": {"tokens": 0, "requests": 0, "cost": 0.0},
        "used_this_month": {"tokens": 9, "requests": 2, "cost": 0.5},
    }


@pytest.mark.parametrize(
    ("models", "configured", "settings", "allowed"),
    [
        ((), [], {}, None),
        (("gpt-4o",), [], {}, ["gpt-4o"]),
        ((), [CHAT], {}, ["gpt-4o"]),
        (("gpt-4o", "o3"), [CHAT, SMALL], {}, ["gpt-4o"]),
        ((), [], {"unconfigured_tenants": "refuse"}, []),
    ],
)
async def test_me_names_the_models_that_may_be_called(
    models: tuple[str, ...], configured: list[str], settings: dict[str, Any], allowed: list[str] | None
) -> None:
    plane = await Plane(**settings).open(models=models)
    for model_id in configured:
        await plane.configure(model_id)
    assert (await plane.ask("GET", "/api/v1/me"))["allowed_models"] == allowed


async def test_days_begin_where_the_tenant_lives(plane: Plane) -> None:
    await plane.change(limits=Limits(daily_token_limit=10, monthly_request_limit=1), time_zone="Asia/Kolkata")
    day, month = (await plane.ask("GET", "/api/v1/me"))["limits"]
    assert (day["resets_at"], month["resets_at"]) == ("2026-11-20T18:30:00Z", "2026-11-30T18:30:00Z")


async def test_a_model_that_the_catalog_does_not_know_is_told_by_its_id(plane: Plane) -> None:
    unknown = "550e8400-e29b-41d4-a716-446655440000"
    plane.usage.came_to["month"] = {unknown: totals(2, 1)}
    [model] = (await plane.ask("GET", "/api/v1/me"))["models"]
    assert (model["model_id"], model["model_identifier"], model["provider"]) == (unknown, None, None)


async def test_a_management_token_has_no_me(plane: Plane) -> None:
    refused(await plane.call("GET", "/api/v1/me", headers=OPERATOR), 401, "Tenant ID not found in context")


async def test_storage_that_is_down_is_503(plane: Plane) -> None:
    await plane.ask("GET", f"{MODELS}/quotas")
    plane.tables.available = False
    refused(await plane.call("GET", f"{MODELS}/quotas"), 503, "Service unavailable")
