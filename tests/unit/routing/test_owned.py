"""Deployments that an endpoint registered for itself: in no pool but its own."""

from __future__ import annotations

import pytest

from gateway.errors import EndpointNotRunning, ModelNotFound
from gateway.openai.operations import BY_NAME
from gateway.openai.thing_ids import tag
from gateway.registry.snapshot import build
from gateway.routing.eligibility import Directory, usable_models
from gateway.routing.explain import refused
from tests.builders import deployment, endpoint, member, tenant

CHAT = BY_NAME["chat"]
OWN = deployment("own", endpoint_id="id-of-support")


def directory(*deployments, names=("own",)):
    return Directory(build(deployments, [], [], [endpoint("support", *map(member, names))]))


def test_it_serves_through_its_endpoint_alone():
    made = directory(OWN)
    assert made.candidates(CHAT, "support", tenant()).size == 1
    for model in ("own", "own-gpt"):
        with pytest.raises(ModelNotFound):
            made.candidates(CHAT, model, tenant())


def test_it_is_in_no_pool_and_in_no_list_of_models():
    snapshot = build([OWN, deployment("named", models=("gpt",), endpoint_id="e")], [], [], [])
    assert (snapshot.class_pool, snapshot.by_model) == ({}, {})
    assert usable_models(snapshot, tenant()) == {}
    pool = directory(OWN, deployment("east")).candidates(CHAT, "any", tenant())
    assert [each.friendly_name for tier in pool.tiers for each in tier] == ["east"]


def test_what_was_made_there_is_found_there():
    pool = directory(OWN).home(tag(OWN.id), CHAT)
    assert pool is not None and pool.tiers[0][0].friendly_name == "own"


def test_an_explanation_says_so():
    (explained,) = refused(build([OWN], [], []), CHAT, "gpt")
    assert explained.reason == "refused: serves only through the endpoint that registered it"


def test_a_deployment_that_no_longer_serves_the_type_is_passed_over():
    made = directory(deployment("own", operations=("embedding",)), deployment("east"), names=("own", "east"))
    pool = made.candidates(CHAT, "support", tenant())
    assert [each.friendly_name for tier in pool.tiers for each in tier] == ["east"]
    with pytest.raises(EndpointNotRunning, match="has no active deployment"):
        directory(deployment("own", operations=("embedding",))).candidates(CHAT, "support", tenant())
