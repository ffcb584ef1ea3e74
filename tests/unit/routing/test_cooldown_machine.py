"""Cool-down as a state machine, beside a model that is too simple to be wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.routing.cooldown import Cooldowns
from gateway.routing.outcome import Kind, Outcome
from tests.unit.routing.test_cooldown import Clock

DEFAULT, CAP = 10.0, 120.0
NAMES = st.sampled_from(["east", "west", "north"])
WAITS = st.none() | st.floats(0, 1000) | st.sampled_from([math.inf, math.nan, 0.0, CAP])
COOLING = st.sampled_from([kind for kind in Kind if kind.cools])
HARMLESS = st.sampled_from([kind for kind in Kind if not kind.cools])


class InTurns:
    """An observer that must hear of a rest and of its end in turns."""

    def __init__(self) -> None:
        self.resting: set[str] = set()

    def rests(self, deployment_id: str, seconds: float, outcome: Outcome) -> None:
        assert deployment_id not in self.resting and 0 < seconds <= CAP and outcome.kind.cools
        self.resting.add(deployment_id)

    def serves_again(self, deployment_id: str) -> None:
        self.resting.remove(deployment_id)


class Rests(RuleBasedStateMachine):
    """Every rule changes both; the invariants compare them."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.observer = InTurns()
        self.cooldowns = Cooldowns(self.clock, DEFAULT, CAP, self.observer)
        self.until: dict[str, float] = {}
        self.in_a_row: dict[str, int] = {}

    @rule(name=NAMES, kind=COOLING, wait=WAITS, alone=st.booleans())
    def fail(self, name: str, kind: Kind, wait: float | None, alone: bool) -> None:
        before = self.cooldowns.remaining(name)
        self.cooldowns.record(name, Outcome(kind, None, wait), alone=alone)
        self.in_a_row[name] = self.in_a_row.get(name, 0) + 1
        assert self.cooldowns.remaining(name) >= before, "a rest is never shortened"
        if alone and (wait is None or self.in_a_row[name] == 1):
            assert self.cooldowns.remaining(name) == before, "one that is alone is not benched by a guess"
            return
        rest = DEFAULT if wait is None else min(wait, CAP) if math.isfinite(wait) else CAP
        self.until[name] = max(self.until.get(name, 0.0), self.clock() + rest)

    @rule(name=NAMES, kind=HARMLESS, alone=st.booleans())
    def go_well(self, name: str, kind: Kind, alone: bool) -> None:
        before = self.cooldowns.remaining(name)
        self.cooldowns.record(name, Outcome(kind, 200), alone=alone)
        self.in_a_row.pop(name, None)
        assert self.cooldowns.remaining(name) == before, "a success in flight ends no rest"
        assert name not in self.observer.resting or before, "an answer after the rest is its end"

    @rule(names=st.sets(NAMES))
    def forget(self, names: set[str]) -> None:
        self.cooldowns.forget(names)
        for name in names:
            self.until.pop(name, None)
            self.in_a_row.pop(name, None)
            assert self.cooldowns.remaining(name) == 0

    @rule(seconds=st.floats(0, 200))
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: any(until > self.clock() for until in self.until.values()))
    @rule()
    def wait_for_the_soonest(self) -> None:
        self.clock.now = min(until for until in self.until.values() if until > self.clock())

    @invariant()
    def it_rests_as_long_as_it_should(self) -> None:
        for name in ("east", "west", "north"):
            left = max(0.0, self.until.get(name, 0.0) - self.clock())
            assert self.cooldowns.remaining(name) == pytest.approx(left)
            assert self.cooldowns.remaining(name) <= CAP + 1e-6
            assert (self.cooldowns.reason(name) is None) == (left == 0)
            assert left == 0 or name in self.observer.resting


TestRests = Rests.TestCase
TestRests.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
