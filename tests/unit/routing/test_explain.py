"""Why a call would go where it would go."""

from __future__ import annotations

from gateway.openai.operations import BY_NAME
from gateway.registry.snapshot import build
from gateway.routing.explain import explain, refused
from gateway.routing.outcome import Kind, Outcome
from tests.builders import deployment, endpoint, member, tenant
from tests.unit.routing.test_cooldown import Clock
from tests.unit.routing.test_endpoints import router

CHAT = BY_NAME["chat"]


def explained(made, model):
    plan = made.foresee(CHAT, model, tenant())
    return [
        (each.deployment.friendly_name, each.order, each.reason) for each in explain(plan, made.snapshot, CHAT, model)
    ]


def test_candidates_come_in_their_order_and_every_other_one_has_a_reason():
    made = router(
        Clock(),
        [
            *(deployment(name) for name in ("a", "b", "c", "d", "e")),
            deployment("cold"),
            deployment("low", priority=1),
            deployment("spent", rpm=1),
            deployment("off", active=False),
            deployment("vectors", deployment_class="openai-embeddings", operations=("embedding",)),
            deployment("only", models=("gpt-4o",)),
        ],
    )
    made._cooldowns.record("openai-chat/cold", Outcome(Kind.THROTTLED, 429, wait=5), alone=False)
    made._rates.take(deployment("spent", rpm=1), 1)
    assert explained(made, "any") == [
        ("a", 1, "chosen: its turn in its tier (priority 0, weight 1)"),
        ("b", 2, "next if that fails (priority 0, weight 1)"),
        ("c", 3, "next if that fails (priority 0, weight 1)"),
        ("d", 4, "next if that fails (priority 0, weight 1)"),
        ("cold", None, "skipped: cooling (throttled), 5.0 s left"),
        ("e", None, "not tried: a call gets no more attempts than that"),
        ("spent", None, "skipped: its rpm or tpm of this minute is spent, 60.0 s left"),
        ("low", None, "not tried: a call gets no more attempts than that"),
        ("off", None, "refused: not active"),
        ("only", None, "refused: serves only gpt-4o"),
        ("vectors", None, "refused: does not serve chat; it serves embedding"),
    ]
    assert explained(made, "any")[0][0] == "a", "asking takes no turn"


def test_a_listed_model_comes_before_the_class_pool():
    made = router(Clock(), [deployment("only", models=("gpt-4o",)), deployment("pool")])
    assert [reason for _, _, reason in explained(made, "gpt-4o")] == [
        "chosen: its turn in its tier (priority 0, weight 1)",
        "refused: 'gpt-4o' leads elsewhere; an endpoint or deployments that list it come before a class",
    ]


def test_an_endpoint_has_its_own_deployments():
    made = router(Clock(), [deployment("a"), deployment("b")], endpoint("support", member("a", 0.5)))
    assert explained(made, "support") == [
        ("a", 1, "chosen: its turn in its tier (priority 0, weight 0.5)"),
        ("b", None, "refused: not in the endpoint 'support'"),
    ]


def test_where_nothing_is_a_candidate_every_deployment_says_why():
    snapshot = build([deployment("off", active=False), deployment("only", models=("gpt-4o",))], [], [])
    assert [each.reason for each in refused(snapshot, CHAT, "x")] == [
        "refused: not active",
        "refused: serves only gpt-4o",
    ]
