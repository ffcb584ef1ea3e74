"""The plan of one call: whom to try, and what to say when all fail."""

from __future__ import annotations

import pytest

from gateway.errors import AllCooling, UpstreamMisconfigured, UpstreamTimeout, UpstreamUnreachable
from gateway.limits.rates import Rates
from gateway.openai.operations import BY_NAME
from gateway.registry.snapshot import build
from gateway.routing.cooldown import Cooldowns
from gateway.routing.outcome import Kind, Outcome
from gateway.routing.router import Router
from tests.builders import deployment, tenant
from tests.unit.routing.test_cooldown import Clock

CHAT = BY_NAME["chat"]
FAILED = Outcome(Kind.FAILED, 500)
NO_JITTER = float


@pytest.fixture
def clock():
    return Clock()


def router(clock, *deployments, most=4):
    made = Router(Cooldowns(clock, 10, 120), Rates(clock), most)
    made.swap(build(deployments, [], []))
    return made


def plan(made):
    return made.plan(CHAT, None, tenant())


def fail_all(made, *outcomes):
    failing = plan(made)
    for outcome in outcomes:
        failing.record(failing.next(), outcome)
    return failing


def test_each_deployment_is_tried_once_at_most(clock):
    failing = plan(router(clock, deployment("a"), deployment("b")))
    tried = []
    while (each := failing.next()) is not None:
        tried.append(each.friendly_name)
        failing.record(each, Outcome(Kind.CONTESTED, 409))
    assert tried == ["a", "b"]
    assert failing.attempts == 2


def test_attempts_are_limited_however_many_candidates_there_are(clock):
    failing = plan(router(clock, *(deployment(f"d{number}") for number in range(9)), most=4))
    while (each := failing.next()) is not None:
        failing.record(each, FAILED)
    assert failing.attempts == 4


def test_a_lower_tier_is_tried_when_the_tier_above_is_exhausted_or_cooling(clock):
    made = router(clock, deployment("first"), deployment("second", priority=1))
    failing = plan(made)
    assert failing.next().friendly_name == "first"
    failing.record(made.snapshot.deployments[0], FAILED)
    assert failing.next().friendly_name == "second"
    assert plan(made).next().friendly_name == "second"
    clock.now += 10
    assert plan(made).next().friendly_name == "first"


def test_the_last_chance_is_known(clock):
    trying = plan(router(clock, deployment("a"), deployment("b")))
    trying.next()
    assert not trying.last_chance
    trying.next()
    assert trying.last_chance
    made = router(clock, deployment("a"), deployment("b"), deployment("c"))
    fail_all(made, FAILED, FAILED)
    lone = plan(made)
    lone.next()
    assert lone.last_chance


def test_all_cooling_tells_the_soonest_true_return(clock):
    made = router(clock, deployment("a"), deployment("b"))
    fail_all(made, Outcome(Kind.THROTTLED, 429, wait=30), Outcome(Kind.THROTTLED, 429, wait=5))
    clock.now += 1
    resting = plan(made)
    assert resting.next() is None
    error = resting.exhausted(NO_JITTER)
    assert isinstance(error, AllCooling)
    assert (error.status, error.code, error.retry_after) == (429, "rate_limit_exceeded", 4)


def test_jitter_is_added_to_a_told_wait_and_never_taken_from_it(clock):
    made = router(clock, deployment("a"), deployment("b"))
    fail_all(made, FAILED, FAILED)
    assert plan(made).exhausted(lambda: 0.25).retry_after == 10.25


@pytest.mark.parametrize(
    ("outcomes", "error", "code"),
    [
        ([Outcome(Kind.MISCONFIGURED, 401)] * 2, UpstreamMisconfigured, "upstream_authentication_failed"),
        ([Outcome(Kind.MISCONFIGURED, 404)] * 2, UpstreamMisconfigured, "upstream_deployment_not_found"),
        ([Outcome(Kind.MISCONFIGURED, 302)] * 2, UpstreamMisconfigured, "upstream_redirects"),
        ([Outcome(Kind.UNREACHABLE), Outcome(Kind.TIMED_OUT)], UpstreamTimeout, "upstream_timeout"),
        ([Outcome(Kind.UNREACHABLE)] * 2, UpstreamUnreachable, "upstream_unreachable"),
    ],
)
def test_an_exhausted_plan_says_what_was_wrong_with_the_pool(clock, outcomes, error, code):
    told = fail_all(router(clock, deployment("a"), deployment("b")), *outcomes).exhausted(NO_JITTER)
    assert isinstance(told, error)
    assert told.code == code


@pytest.mark.parametrize(
    ("status", "code"), [(401, "upstream_authentication_failed"), (404, "upstream_deployment_not_found")]
)
def test_a_429_never_hides_what_is_wrong_with_a_whole_pool(clock, status, code):
    made = router(clock, deployment("a"), deployment("b"))
    fail_all(made, *[Outcome(Kind.MISCONFIGURED, status)] * 2)
    told = plan(made).exhausted(NO_JITTER)
    assert isinstance(told, UpstreamMisconfigured)
    assert (told.code, told.retry_after) == (code, 10)


def test_no_wait_is_told_while_one_may_be_called(clock):
    made = router(clock, deployment("a"))
    failed = fail_all(made, Outcome(Kind.UNREACHABLE))
    assert failed.soonest() is None
    assert failed.exhausted(NO_JITTER).retry_after is None


def test_a_changed_deployment_is_tried_at_once_and_turns_go_on(clock):
    a, b = deployment("a"), deployment("b")
    made = router(clock, a, b)
    fail_all(made, Outcome(Kind.MISCONFIGURED, 401))
    made.swap(build([deployment("a", endpoint_key="mended"), b], [], []))
    assert [plan(made).next().friendly_name for _ in range(4)] == ["b", "a", "b", "a"]
