"""The route that chooses a model: the document's fields, and what a tenant's limits do to the choice."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.registry.limits import Limits
from tests.builders import deployment
from tests.unit.tenant_plane.plane import CHAT, LARGE, MODELS, OPERATOR, SELECT, SMALL, Plane, refused
from tests.unit.tenant_plane.test_usage import spend

# Seed 002's body.
QUESTION: dict[str, Any] = {
    "agent_id": "650e8400-e29b-41d4-a716-446655440001",
    "task_type": "code_search",
    "requested_model": "text-embedding-3-small",
    "token_estimate": 1500,
}


async def test_the_answer_has_the_documents_fields_and_no_other(plane: Plane) -> None:
    await plane.configure(SMALL, is_default=True, daily_token_limit=500000)
    await plane.configure(LARGE)
    await spend(plane, SMALL, 150)
    answer = await plane.ask("POST", SELECT, {"token_estimate": 1500})
    assert answer == {
        "model_id": SMALL,
        "model_identifier": "text-embedding-3-small",
        "provider": "openai",
        "dimensions": 1536,
        "cost_per_million_tokens": 0.02,
        "estimated_cost": 0.00003,
        "is_within_quota": True,
        "quota_remaining": 499850,
        "metadata": {"selection_reason": "default_model", "fallback_available": True},
    }
    asked = await plane.ask("POST", SELECT, QUESTION)
    assert asked["metadata"] == {"selection_reason": "requested_model", "fallback_available": True}


async def test_one_out_of_quota_gives_way_and_says_so(plane: Plane) -> None:
    await plane.configure(SMALL, daily_token_limit=1000)
    await plane.configure(LARGE)
    answer = await plane.ask("POST", SELECT, QUESTION)
    assert (answer["model_id"], answer["is_within_quota"], answer["quota_remaining"]) == (LARGE, True, None)
    assert answer["metadata"] == {
        "selection_reason": "fallback",
        "fallback_available": False,
        "fallback_reason": "the requested model can't be used: its quota is spent",
    }
    await plane.ask("PUT", f"{MODELS}/{LARGE}", {"is_enabled": False})
    answer = await plane.ask("POST", SELECT, QUESTION)
    assert (answer["model_id"], answer["is_within_quota"], answer["quota_remaining"]) == (SMALL, False, 1000)


@pytest.mark.parametrize(
    ("limits", "within"),
    [
        (Limits(daily_token_limit=1500), True),
        (Limits(daily_token_limit=1499), False),
        (Limits(rpm=0), False),
        (Limits(daily_cost_limit=0.00003), True),
        (Limits(daily_cost_limit=0.00002), False),
    ],
)
async def test_the_tenants_own_limits_hold_as_well(plane: Plane, limits: Limits, within: bool) -> None:
    await plane.change(limits=limits)
    await plane.configure(SMALL)
    assert (await plane.ask("POST", SELECT, QUESTION))["is_within_quota"] is within


@pytest.mark.parametrize(("setting", "within"), [("refuse", False), ("allow", True)])
async def test_an_unknown_price_passes_a_money_limit_where_that_is_allowed(setting: str, within: bool) -> None:
    plane = await Plane(unpriced_models=setting).open()
    new = {"provider": "contoso", "model_id": "embed-1"}
    made = await plane.ask("POST", "/api/v1/embedding-models/catalog", new, 201)
    await plane.configure(made["id"], monthly_cost_limit=1)
    answer = await plane.ask("POST", SELECT, {"token_estimate": 5})
    assert (answer["estimated_cost"], answer["is_within_quota"]) == (None, within)


async def test_without_models_of_its_own_a_tenant_chooses_among_what_is_served(plane: Plane) -> None:
    served = {"deployment_class": "openai-embeddings", "provider": "openai", "operations": ("embedding",)}
    plane.deployments = [
        deployment("l", deployment_name="text-embedding-3-large", models=("large",), **served),
        deployment("s", deployment_name="text-embedding-3-small", **served),
        deployment("off", deployment_name="text-embedding-ada-002", active=False, **served),
        deployment("chat", deployment_name="gpt-4o", provider="openai"),
        deployment("own", deployment_name="nobody-knows", provider="openai"),
    ]
    await plane.refresh()
    answer = await plane.ask("POST", SELECT, {"token_estimate": 10})
    assert (answer["model_id"], answer["metadata"]["selection_reason"]) == (SMALL, "lowest_cost")
    assert (answer["is_within_quota"], answer["quota_remaining"]) == (True, None)
    assert (await plane.ask("POST", SELECT, {"requested_model": LARGE}))["model_id"] == LARGE
    assert (await plane.ask("POST", SELECT, {"model_type": "chat"}))["model_id"] == CHAT
    for models, expected in ((("large",), LARGE), (("text-embedding-3-small",), SMALL)):
        await plane.change(models=models)
        assert (await plane.ask("POST", SELECT, {}))["model_id"] == expected


async def test_nothing_that_would_do_is_404_and_says_what_was_looked_for(plane: Plane) -> None:
    await plane.configure(SMALL)
    for question in ({"token_estimate": 9000}, {"model_type": "rerank"}):
        details = refused(await plane.call("POST", SELECT, question), 404, "Model not found")
        assert "9,000 tokens" in details or "'rerank'" in details


async def test_what_the_operator_did_not_allow_is_not_chosen(plane: Plane) -> None:
    await plane.change(models=("text-embedding-3-large",))
    for model_id in (SMALL, LARGE):
        await plane.configure(model_id)
    answer = await plane.ask("POST", SELECT, QUESTION)
    assert (answer["model_id"], answer["metadata"]["selection_reason"]) == (LARGE, "fallback")


async def test_where_unconfigured_tenants_may_call_nothing_they_are_told_so() -> None:
    plane = await Plane(unconfigured_tenants="refuse").open()
    plane.deployments = [deployment("s", deployment_name="text-embedding-3-small", provider="openai")]
    await plane.refresh()
    refused(await plane.call("POST", SELECT, {}), 404, "Model not found")


async def test_an_operator_chooses_for_a_tenant(plane: Plane) -> None:
    await plane.configure(SMALL)
    assert (await plane.ask("POST", f"{SELECT}?tenant_id=local", QUESTION, headers=OPERATOR))["model_id"] == SMALL
    refused(await plane.call("POST", SELECT, QUESTION, headers=OPERATOR), 400, "Invalid request parameter")


@pytest.mark.parametrize(
    ("question", "problem"),
    [
        ({"token_estimate": -1}, "token_estimate must be greater than or equal to 0"),
        ({"token_estimate": "many"}, "token_estimate must be an integer"),
        ({"requested": "x"}, "did you mean 'requested_model'?"),
    ],
)
async def test_a_wrong_question_is_refused_by_its_field(plane: Plane, question: dict[str, Any], problem: str) -> None:
    assert problem in refused(await plane.call("POST", SELECT, question), 400, "Invalid request body")
