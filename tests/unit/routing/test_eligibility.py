"""Which deployments may serve a call."""

from __future__ import annotations

import pytest

from gateway.errors import InvalidRequest, ModelNotFound, OperationNotSupported
from gateway.openai.operations import BY_NAME
from gateway.registry.snapshot import build
from gateway.routing.eligibility import Directory, usable_models
from tests.builders import deployment, tenant

CHAT, EMBEDDING = BY_NAME["chat"], BY_NAME["embedding"]


def names(pool):
    return [[each.friendly_name for each in tier] for tier in pool.tiers]


def directory(*deployments):
    return Directory(build(deployments, [], []))


@pytest.mark.parametrize("model", ["gpt-4o", "whatever", "", None])
def test_the_class_pool_ignores_the_model(model):
    pool = directory(deployment("east"), deployment("west")).candidates(CHAT, model, tenant())
    assert names(pool) == [["east", "west"]]
    assert pool.size == 2


def test_a_deployment_that_lists_models_serves_only_those():
    pools = directory(deployment("east"), deployment("only", models=("gpt-4o",)))
    assert names(pools.candidates(CHAT, "gpt-4o", tenant())) == [["only"]]
    assert names(pools.candidates(CHAT, "other", tenant())) == [["east"]]


def test_inactive_deployments_serve_nothing():
    pools = directory(deployment("east", active=False), deployment("west"))
    assert names(pools.candidates(CHAT, None, tenant())) == [["west"]]


def test_tiers_come_in_order_of_priority():
    pools = directory(deployment("c", priority=5), deployment("b"), deployment("a", priority=5))
    assert names(pools.candidates(CHAT, None, tenant())) == [["b"], ["a", "c"]]


def test_a_known_model_without_the_operation_says_what_it_supports():
    pools = directory(deployment("east", models=("gpt-4o",)), deployment("pool", operations=("embedding",)))
    with pytest.raises(OperationNotSupported, match="does not support embedding; it supports: chat") as caught:
        pools.candidates(EMBEDDING, "gpt-4o", tenant())
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "operation_not_supported", "model")


def test_an_unknown_model_names_what_the_tenant_may_use():
    pools = directory(*(deployment(f"d{number}", models=(f"m{number:02}",)) for number in range(25)))
    with pytest.raises(ModelNotFound, match=r"may use for chat: m00, .*m19, …\.") as caught:
        pools.candidates(CHAT, "unknown", tenant())
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


def test_without_a_model_and_a_class_pool_the_field_is_asked_for():
    with pytest.raises(InvalidRequest, match="'model' is missing") as caught:
        directory(deployment("east", models=("gpt-4o",))).candidates(CHAT, None, tenant())
    assert caught.value.param == "model"


def test_an_empty_registry_says_that_there_is_nothing():
    with pytest.raises(ModelNotFound, match="may use for chat: none"):
        directory().candidates(CHAT, "gpt-4o", tenant())


@pytest.mark.parametrize(("model", "error"), [("gpt-4o", ModelNotFound), (None, InvalidRequest)])
def test_a_tenant_restricted_to_models_gets_only_those(model, error):
    pools = directory(deployment("east"), deployment("only", models=("gpt-4o",)))
    restricted = tenant(models=("gpt-35",))
    assert names(pools.candidates(CHAT, "gpt-35", restricted)) == [["east"]]
    with pytest.raises(error):
        pools.candidates(CHAT, model, restricted)


def test_usable_models_are_the_listed_names_and_the_class_pools_deployment_names():
    snapshot = build(
        [
            deployment("east", deployment_name="gpt-35"),
            deployment("only", models=("gpt-4o", "gpt-4")),
            deployment("off", models=("gone",), active=False),
        ],
        [],
        [],
    )
    assert list(usable_models(snapshot, tenant())) == ["gpt-35", "gpt-4", "gpt-4o"]
    assert list(usable_models(snapshot, tenant(models=("gpt-4",)))) == ["gpt-4"]
