"""The models of an endpoint: which deployments, with which shares; every rule told to the operator who broke it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest, NotFound
from gateway.management.endpoint_members import (
    MAX_NAME,
    Member,
    Registered,
    attached,
    check_servable,
    check_types,
    composed,
    detached,
    member,
)
from gateway.management.endpoint_models import ModelSpec
from gateway.openai.operations import BY_NAME
from gateway.registry import names
from gateway.registry.endpoints import EndpointModel
from gateway.registry.keys import Key
from tests.builders import EPOCH, deployment, endpoint
from tests.builders import member as part

ID = "0123456789abcdef0123456789abcdef"
KEY = Key(id="k1", name="k", provider="openai", value="s", created_at=EPOCH, updated_at=EPOCH)
DEPLOYMENTS = [
    deployment("east"),
    deployment("west", deployment_class="openai-responses", operations=("response", "chat")),
    deployment("vectors", deployment_class="openai-embeddings", operations=("embedding",)),
    deployment("own", endpoint_id="e1"),
    deployment("foreign", endpoint_id="e2"),
]
REGISTERED = Registered({each.id: each for each in DEPLOYMENTS}, {"k1": KEY})
INLINE = {"provider": "openai", "model_name": "gpt-4-turbo", "key_id": "k1"}


def made(operation: str = "chat", **spec: Any) -> Member:
    return member(ModelSpec.model_validate(spec), "models[0]", ID, "e1", BY_NAME[operation], REGISTERED)


def refused(operation: str = "chat", **spec: Any) -> str:
    with pytest.raises(InvalidRequest) as refusal:
        made(operation, **spec)
    return refusal.value.message


def shares(*members: tuple[int, float | None]) -> list[float]:
    return [each.weight for each in composed(asked(*members))]


def asked(*members: tuple[int, float | None]) -> list[Member]:
    return [
        Member(id=f"m{number}", deployment_id=f"c/{number}", weight=weight, priority=priority)
        for number, (priority, weight) in enumerate(members)
    ]


def wrong(members: Sequence[Member], before: Sequence[EndpointModel] = ()) -> str:
    with pytest.raises(InvalidRequest) as refusal:
        composed(members, before)
    return refusal.value.message


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("east", "openai-chat/east"),
        ("openai-chat/east", "openai-chat/east"),
        ("openai-responses/west", "openai-responses/west"),
        ("own", "openai-chat/own"),
    ],
)
def test_a_deployment_is_named_in_the_types_class_or_with_its_own(name: str, id_: str) -> None:
    assert made(deployment=name).deployment_id == id_
    assert made(deployment=name).new is None


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"deployment": "west"}, "'west' is not in class openai-chat; one of another class is named class/name"),
        ({"deployment": "openai-chat/north"}, "there is no 'openai-chat/north'"),
        ({"deployment": "foreign"}, "'foreign' is another endpoint's own, which registered it for itself"),
        ({"deployment": "openai-embeddings/vectors"}, "does not serve chat; it serves embedding"),
        ({"deployment": "east", "key_id": "k1"}, "models[0].key_id is the deployment's own"),
        ({"deployment": "east", "endpoint_url": "https://x.example"}, "models[0].endpoint_url is the deployment's own"),
        ({"deployment": "east", "region": "x"}, "models[0].region is the deployment's own"),
        ({"deployment": "east", "resource_name": "x"}, "models[0].resource_name is the deployment's own"),
        ({"deployment": "east", "api_version": "v1"}, "models[0].api_version is the deployment's own"),
        ({"deployment": "east", "provider": "openai"}, "models[0].provider is 'azure' for deployment 'east'"),
        ({"deployment": "east", "model_name": "x"}, "models[0].model_name is 'east-gpt' for deployment 'east'"),
        ({}, "models[0] must name a deployment, or give provider, model_name and key_id"),
        ({"provider": "openai"}, "models[0] must name a deployment, or give provider"),
        ({"model_name": "gpt-4"}, "models[0] must name a deployment, or give provider"),
        (
            {**INLINE, "provider": "voyage"},
            "models[0].provider voyage does not serve chat; it serves embedding,",
        ),
        ({**INLINE, "key_id": None}, "models[0].key_id is required for provider openai; keys/create stores one"),
        ({**INLINE, "key_id": "k2"}, "models[0].key_id names no stored key"),
        ({**INLINE, "provider": "mistral"}, "models[0].key_id names a key of provider openai, not mistral"),
        (
            {**INLINE, "provider": "azure", "model_name": "a/b"},
            "models[0].model_name must be 1 to 64 letters, digits, '-', '_' or '.', and not '.' or '..' for provider "
            "azure; models[0].resource_name is required for provider azure, or endpoint_url in its place; "
            "models[0].key_id names a key of provider openai, not azure",
        ),
        ({**INLINE, "provider": "vllm", "key_id": None}, "models[0].endpoint_url is required for provider vllm"),
        ({**INLINE, "provider": "bedrock"}, "models[0].region must be 1 to 63 letters"),
    ],
)
def test_a_model_that_breaks_a_rule_is_refused_by_its_field(spec: dict[str, Any], said: str) -> None:
    message = refused(**spec)
    assert message.startswith("models[0]") and said in message


def test_what_a_listing_shows_of_a_model_may_be_sent_back() -> None:
    shown = {"id": "x", "deployment": "east", "provider": "azure", "model_name": "east-gpt", "weight": 1.0}
    assert made(**shown).deployment_id == "openai-chat/east"


def test_a_described_deployment_serves_the_type_alone_and_only_through_its_endpoint() -> None:
    new = made(**INLINE, endpoint_url="https://proxy.example/v1", api_version="v1", region="eu").new
    assert new is not None
    assert (new.id, new.deployment_name) == ("openai-chat/openai-gpt-4-turbo-01234567", "gpt-4-turbo")
    assert (new.provider, new.key_id, new.operations, new.endpoint_id) == ("openai", "k1", ("chat",), "e1")
    assert (new.endpoint_url, new.api_version, new.region) == ("https://proxy.example/v1", "v1", "eu")
    assert new.endpoint_key is None and new.active
    assert made("embedding", **INLINE).deployment_id.startswith("openai-embeddings/")


def test_a_provider_that_may_be_run_without_keys_needs_none() -> None:
    spec = {"provider": "vllm", "model_name": "meta-llama/Llama-3.1-8B", "endpoint_url": "http://llm:8000/v1"}
    assert made(**spec).deployment_id == "openai-chat/vllm-meta-llama-Llama-3.1-8B-01234567"


@given(st.from_regex(names.MODEL, fullmatch=True))
def test_every_model_name_makes_a_friendly_name(model_name: str) -> None:
    new = made(**{**INLINE, "model_name": model_name}).new
    assert new is not None and names.NAME.fullmatch(new.friendly_name)
    assert len(new.friendly_name) <= MAX_NAME and new.friendly_name.startswith("openai-")


def test_weights_that_sum_to_one_are_kept() -> None:
    assert shares((0, 0.7), (0, 0.3), (1, 1.0), (2, 0.999), (3, 0.5), (3, 0.501)) == [0.7, 0.3, 1.0, 0.999, 0.5, 0.501]
    assert shares((0, 1.0), (0, 0.0)) == [1.0, 0.0]


def test_a_tier_that_gives_none_is_shared_equally() -> None:
    assert shares((0, None), (1, 0.4), (0, None), (1, 0.6), (2, None), (0, None)) == [
        1 / 3,
        0.4,
        1 / 3,
        0.6,
        1.0,
        1 / 3,
    ]
    assert shares() == []


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([(0, 0.7), (0, 0.2)], "models of priority 0: the weights sum to 0.9, and must sum to 1.0"),
        ([(0, 1.0), (3, 0.7), (3, 0.31)], "models of priority 3: the weights sum to 1.01, and must sum to 1.0"),
        ([(0, 0.9989)], "the weights sum to 0.9989"),
        ([(0, 0.0)], "the weights sum to 0"),
        ([(0, 0.7), (0, None)], "models of priority 0: some have weights, which sum to 0.7, and some none"),
    ],
)
def test_other_weights_are_refused_with_their_priority_and_sum(
    members: list[tuple[int, float | None]], said: str
) -> None:
    assert said in wrong(asked(*members))


@given(st.lists(st.tuples(st.integers(0, 3), st.none()), max_size=20))
def test_shared_equally_every_tier_sums_to_one(members: list[tuple[int, None]]) -> None:
    models = composed(asked(*members))
    for priority in {priority for priority, _ in members}:
        assert math.isclose(math.fsum(each.weight for each in models if each.priority == priority), 1.0)


def test_a_deployment_has_one_place() -> None:
    twice = asked((0, 0.5), (1, 1.0))
    assert "'c/0' twice" in wrong([twice[0], Member(id="x", deployment_id="c/0", weight=0.5, priority=0)])


def test_a_model_keeps_the_id_it_has() -> None:
    before = composed(asked((0, None)))
    again = Member(id="new", deployment_id="c/0", weight=None, priority=2)
    assert composed([again], before)[0].id == "m0"
    assert composed([Member(id="n", deployment_id="c/0", weight=None, priority=0, given_id="m0")], before)[0].id == "m0"
    for given_id, of in (("other", before), ("m0", ())):
        chosen = Member(id="n", deployment_id="c/0", weight=None, priority=0, given_id=given_id)
        assert f"id {given_id!r} is not that of 'c/0'" in wrong([chosen], of)


def test_one_more_shares_equally_where_all_do() -> None:
    new = Member(id="new", deployment_id="c/new", weight=None, priority=0)
    assert [each.weight for each in attached(endpoint("a"), new)] == [1.0]
    one = endpoint("a", part("x"), part("y", priority=1))
    assert [each.weight for each in attached(one, new)] == [0.5, 1.0, 0.5]
    thirds = endpoint("a", part("x", 0.333), part("y", 0.333), part("z", 0.334))
    assert [each.weight for each in attached(thirds, new)] == [0.25] * 4
    uneven = endpoint("a", part("x", 0.7), part("y", 0.3))
    with pytest.raises(InvalidRequest, match=r"model.weight is needed: priority 0 is not shared equally"):
        attached(uneven, new)


def test_one_more_with_a_weight_must_make_the_sum_one() -> None:
    new = Member(id="new", deployment_id="c/new", weight=0.3, priority=0)
    with pytest.raises(InvalidRequest, match=r"priority 0: the weights sum to 1.3, and must sum to 1.0"):
        attached(endpoint("a", part("x")), new)
    nothing = Member(id="new", deployment_id="c/new", weight=0.0, priority=0)
    assert [each.weight for each in attached(endpoint("a", part("x")), nothing)] == [1.0, 0.0]


def test_a_detached_ones_share_goes_to_the_others_in_proportion() -> None:
    made = endpoint("a", part("x", 0.5), part("y", 0.3), part("z", 0.2), part("s", 1.0, priority=1))
    left = detached(made, "part-x")
    assert [(each.id, round(each.weight, 12)) for each in left] == [("part-y", 0.6), ("part-z", 0.4), ("part-s", 1.0)]
    assert [each.id for each in detached(made, "part-s")] == ["part-x", "part-y", "part-z"]
    assert detached(endpoint("a", part("x")), "part-x") == ()
    with pytest.raises(NotFound, match="'a' has no model with the id 'nobody'"):
        detached(made, "nobody")


def test_the_one_that_has_all_the_weight_is_not_detached() -> None:
    with pytest.raises(InvalidRequest, match="has all the weight of priority 0"):
        detached(endpoint("a", part("x", 1.0), part("y", 0.0)), "part-x")


def test_an_endpoint_that_can_not_be_served_says_why_of_each_deployment() -> None:
    deployments = {
        each.id: each
        for each in (
            deployment("off", active=False),
            deployment("other", operations=("embedding",)),
            deployment("idle"),
            deployment("on"),
        )
    }
    made = endpoint("a", part("off"), part("other"), part("idle", 0.0), part("gone"))
    with pytest.raises(InvalidRequest) as refusal:
        check_servable(made, deployments)
    assert refusal.value.message == (
        "The endpoint 'a' has no active deployment that serves chat: off is not active; other does not serve chat; "
        "idle has a weight of 0; gone is gone."
    )
    with pytest.raises(InvalidRequest, match="it has no models, attach one first"):
        check_servable(endpoint("a"), deployments)
    check_servable(endpoint("a", part("off"), part("on", priority=5)), deployments)


def test_a_type_that_a_deployment_does_not_serve_is_refused() -> None:
    deployments = {each.id: each for each in DEPLOYMENTS}
    check_types(endpoint("a", part("east"), part("gone")), deployments)
    with pytest.raises(InvalidRequest, match="can't be embedding: the deployment 'openai-chat/east' serves chat"):
        check_types(endpoint("a", part("east"), endpoint_type="embedding"), deployments)
