"""Which deployments may serve a call of a tenant that configured models."""

from __future__ import annotations

import pytest

from gateway.errors import ModelNotFound
from gateway.openai.operations import BY_NAME
from gateway.registry.snapshot import build
from gateway.routing import eligibility
from gateway.routing.eligibility import Directory, usable_models
from tests.builders import deployment, endpoint, member, tenant, tenant_model

CHAT = BY_NAME["chat"]


def made(*deployments, models=(), endpoints=(), closed=False):
    return build(deployments, [tenant()], [], endpoints, tenant_models=models, closed=closed)


def names(snapshot, model):
    pool = Directory(snapshot).candidates(CHAT, model, tenant())
    assert pool.size == sum(map(len, pool.tiers))
    return [each.friendly_name for tier in pool.tiers for each in tier]


def test_a_tenant_with_models_calls_those_and_no_others():
    listed = [deployment("a", models=("gpt-4o",)), deployment("b", models=("gpt-5",))]
    snapshot = made(*listed, models=[tenant_model("gpt-4o")])
    assert names(snapshot, "gpt-4o") == ["a"]
    with pytest.raises(ModelNotFound, match=r"may use for chat: gpt-4o\."):
        names(snapshot, "gpt-5")
    assert list(usable_models(snapshot, tenant())) == ["gpt-4o"]


def test_a_model_that_is_switched_off_is_not_called():
    snapshot = made(deployment("a", models=("gpt-4o",)), models=[tenant_model("gpt-4o", is_enabled=False)])
    with pytest.raises(ModelNotFound):
        names(snapshot, "gpt-4o")
    assert usable_models(snapshot, tenant()) == {}


def test_a_class_pool_answers_to_the_models_names():
    assert names(made(deployment("a"), models=[tenant_model("gpt-4o")]), "gpt-4o") == ["a"]


def test_of_a_pool_only_deployments_of_the_tenants_models_are_called():
    pool = [deployment("a", deployment_name="gpt-4o"), deployment("b", deployment_name="gpt-5", priority=1)]
    snapshot = made(*pool, models=[tenant_model("gpt-4o")])
    assert names(snapshot, "any") == names(snapshot, None) == ["a"]
    assert names(made(*pool, models=[tenant_model("gpt-4o"), tenant_model("gpt-5")]), "any") == ["a", "b"]


def test_an_endpoint_is_narrowed_to_the_tenants_models_whatever_it_is_called():
    pool = [deployment("a", deployment_name="gpt-4o"), deployment("b", models=("gpt-5",))]
    group = endpoint("support", member("a"), member("b"))
    snapshot = made(*pool, models=[tenant_model("gpt-5"), tenant_model("support")], endpoints=[group])
    assert names(snapshot, "support") == ["b"]


def test_a_tenant_without_models_may_call_all_unless_the_gateway_is_closed():
    assert names(made(deployment("a")), "any") == ["a"]
    with pytest.raises(ModelNotFound):
        names(made(deployment("a"), closed=True), "any")
    assert names(made(deployment("a"), closed=True, models=[tenant_model("any")]), "any") == ["a"]


def test_a_narrowed_pool_is_made_once_and_those_of_many_tenants_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(eligibility, "KEPT_POOLS", 2)
    pool = [deployment("a", deployment_name="gpt-4o"), deployment("b", deployment_name="gpt-5")]
    owners = [tenant(id=f"t{number}") for number in range(5)]
    models = [tenant_model("gpt-4o", tenant_id=each.id) for each in owners]
    directory = Directory(build(pool, owners, [], tenant_models=models))
    narrowed = [directory.candidates(CHAT, "any", each) for each in owners]
    assert directory.candidates(CHAT, "any", owners[-1]) is narrowed[-1]
    assert len(directory._narrowed) <= 2
