"""Named endpoints: which deployments they stand for, and in which order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import EndpointNotRunning, OperationNotSupported
from gateway.limits.rates import Rates
from gateway.openai.operations import BY_NAME
from gateway.openai.thing_ids import UnknownThing, tag
from gateway.registry.snapshot import build
from gateway.routing.cooldown import Cooldowns
from gateway.routing.eligibility import Directory, usable_models
from gateway.routing.outcome import Kind, Outcome
from gateway.routing.router import Router
from tests.builders import deployment, endpoint, member, tenant
from tests.unit.routing.test_cooldown import Clock

CHAT = BY_NAME["chat"]
FAILED = Outcome(Kind.FAILED, 500)


@pytest.fixture
def clock():
    return Clock()


def router(clock, deployments, *endpoints):
    made = Router(Cooldowns(clock, 10, 120), Rates(clock), 4)
    made.swap(build(deployments, [tenant()], [], endpoints))
    return made


def chosen(made, count=1, **options):
    return [made.plan(CHAT, "support", tenant(), **options).next().friendly_name for _ in range(count)]


def test_an_endpoint_is_called_by_its_name_with_its_own_weights_and_parameters():
    parts = [member("a", 0.7, litellm_params={"temperature": 0.2}), member("b", 0.3, priority=1)]
    snapshot = build(
        [deployment("a", weight=9), deployment("b"), deployment("c")], [], [], [endpoint("support", *parts)]
    )
    pool = Directory(snapshot).candidates(CHAT, "support", tenant())
    assert pool.is_endpoint
    assert [[(each.friendly_name, each.weight) for each in tier] for tier in pool.tiers] == [[("a", 0.7)], [("b", 0.3)]]
    assert pool.tiers[0][0].defaults == {"temperature": 0.2}


@pytest.mark.parametrize("fields", [{"status": "stopped"}, {"models": ()}])
def test_an_endpoint_that_can_not_serve_is_503(fields):
    made = endpoint("support", **({"status": "running"} | fields)) if "models" not in fields else endpoint("support")
    with pytest.raises(EndpointNotRunning, match="support") as caught:
        Directory(build([], [], [], [made])).candidates(CHAT, "support", tenant())
    assert (caught.value.status, caught.value.code) == (503, "endpoint_not_running")


def test_an_endpoint_of_another_type_says_what_it_supports():
    directory = Directory(build([deployment("a")], [], [], [endpoint("support", member("a"))]))
    with pytest.raises(OperationNotSupported, match="it supports: chat") as caught:
        directory.candidates(BY_NAME["embedding"], "support", tenant())
    assert caught.value.details == {"capability": "embedding", "provider": "support"}


def test_members_that_are_inactive_or_gone_are_left_out():
    deployments = [deployment("a"), deployment("off", active=False)]
    parts = [member("a"), member("off"), member("gone")]
    pool = Directory(build(deployments, [], [], [endpoint("support", *parts)])).candidates(CHAT, "support", tenant())
    assert pool.size == 1


def test_running_endpoints_are_among_the_usable_models():
    endpoints = [endpoint("support", member("a")), endpoint("off", member("a"), status="stopped"), endpoint("empty")]
    assert list(usable_models(build([deployment("a")], [], [], endpoints), tenant())) == ["a-gpt", "support"]


def test_ten_thousand_calls_on_weights_are_exact_and_traffic_moves_and_returns(clock):
    made = router(
        clock, [deployment("big"), deployment("small")], endpoint("support", member("big", 0.7), member("small", 0.3))
    )
    assert Counter(chosen(made, 10_000)) == {"big": 7000, "small": 3000}
    made._cooldowns.record("openai-chat/big", FAILED, alone=False)
    assert Counter(chosen(made, 100)) == {"small": 100}
    clock.now += 10
    assert Counter(chosen(made, 1000)) == {"big": 700, "small": 300}


def test_a_lower_tier_serves_only_while_the_higher_one_cools(clock):
    made = router(
        clock,
        [deployment("first"), deployment("second")],
        endpoint("support", member("first"), member("second", priority=1)),
    )
    assert set(chosen(made, 50)) == {"first"}
    made._cooldowns.record("openai-chat/first", Outcome(Kind.THROTTLED, 429, wait=5), alone=False)
    assert set(chosen(made, 50)) == {"second"}
    clock.now += 5
    assert set(chosen(made, 50)) == {"first"}


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 3))
def test_every_full_cycle_is_exact_for_any_weights(weights, cycles):
    names = [f"d{number}" for number in range(len(weights))]
    total = sum(weights)
    parts = [member(name, weight / total) for name, weight in zip(names, weights, strict=True)]
    made = router(Clock(), [deployment(name) for name in names], endpoint("support", *parts))
    counts = Counter(chosen(made, total * cycles))
    assert [counts[name] for name in names] == [weight * cycles for weight in weights]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans()), min_size=1, max_size=6),
)
def test_the_chosen_one_is_eligible_and_no_lower_tier_serves_while_a_higher_is_well(members):
    clock = Clock()
    deployments = [deployment(f"d{n}", active=active) for n, (_, active, _) in enumerate(members)]
    parts = [member(f"d{n}", priority=priority) for n, (priority, _, _) in enumerate(members)]
    made = router(clock, deployments, endpoint("support", *parts))
    resting = {f"d{n}" for n, (_, _, rests) in enumerate(members) if rests}
    for name in resting:
        made._cooldowns.record(f"openai-chat/{name}", FAILED, alone=False)
    able = {f"d{n}": priority for n, (priority, active, _) in enumerate(members) if active and f"d{n}" not in resting}
    if not any(active for _, active, _ in members):
        return
    first = made.plan(CHAT, "support", tenant()).next()
    assert (first is None) == (not able)
    if first is not None:
        assert able[first.friendly_name] == min(able.values())


def test_calls_that_share_a_key_stay_together_where_the_endpoint_says_so(clock):
    deployments = [deployment(name) for name in "abcd"]
    parts = [member(name, 0.25) for name in "abcd"]
    steady = router(clock, deployments, endpoint("support", *parts, prompt_affinity=True))
    spread = router(clock, deployments, endpoint("support", *parts))
    assert len(set(chosen(steady, 20, affinity="user-1"))) == 1
    assert len({chosen(steady, 1, affinity=f"user-{n}")[0] for n in range(50)}) == 4
    assert len(set(chosen(spread, 20, affinity="user-1"))) == 4


def test_a_key_moves_only_when_its_deployment_rests(clock):
    parts = [member(name, 0.25) for name in "abcd"]
    made = router(clock, [deployment(name) for name in "abcd"], endpoint("support", *parts, prompt_affinity=True))
    homes = {n: chosen(made, 1, affinity=f"user-{n}")[0] for n in range(40)}
    made._cooldowns.record("openai-chat/a", FAILED, alone=False)
    moved = {n for n, home in homes.items() if chosen(made, 1, affinity=f"user-{n}")[0] != home}
    assert moved == {n for n, home in homes.items() if home == "a"}


def test_a_deployments_spent_minute_fails_over_and_is_no_error(clock):
    made = router(clock, [deployment("a", rpm=1), deployment("b")])
    served = []
    for _ in range(3):
        plan = made.plan(CHAT, None, tenant())
        deployment_ = plan.next()
        plan.take(deployment_)
        served.append(deployment_.friendly_name)
    assert served == ["a", "b", "b"]


def test_a_pool_whose_minutes_are_spent_tells_when_the_next_begins(clock):
    made = router(clock, [deployment("a", tpm=10)])
    made.plan(CHAT, None, tenant(), tokens=10).take(made.snapshot.deployments[0])
    plan = made.plan(CHAT, None, tenant(), tokens=10)
    assert plan.next() is None
    error = plan.exhausted(float)
    assert (error.status, error.retry_after) == (429, 60)


def test_a_thing_is_asked_for_where_it_lives(clock):
    made = router(clock, [deployment("a"), deployment("b"), deployment("off", active=False)])
    plan = made.plan_at(tag("openai-chat/b"), CHAT)
    assert plan.next().friendly_name == "b"
    assert plan.next() is None
    for home, operation in ((tag("openai-chat/off"), CHAT), ("0" * 12, CHAT), (tag("openai-chat/b"), BY_NAME["file"])):
        with pytest.raises(UnknownThing):
            made.plan_at(home, operation)
