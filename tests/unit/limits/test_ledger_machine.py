"""Any number of instances, any interleaving, any fate of a write: what is spent never exceeds the limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.limits import ledger
from gateway.limits.holding import Holding, Proposal
from gateway.limits.ledger import Entry, current
from gateway.limits.windows import window
from gateway.registry.limits import Limit

START = datetime(2026, 3, 1, tzinfo=UTC)
NUMBERS = st.integers(0, 2)
AMOUNTS = st.integers(1, 15)


@dataclass
class Instance:
    """What `Leases` does with one holding, without waiting for anything."""

    name: str
    holding: Holding
    known: tuple[int, Entry | None] | None = None
    until: int = 0
    running: list[int] = field(default_factory=list)
    sent: tuple[int, Proposal] | None = None
    late: list[tuple[int, Proposal]] = field(default_factory=list)


class Ledger(RuleBasedStateMachine):
    """One limit of a day, one stored row, three instances; a killed one is followed by another."""

    @initialize(amount=st.integers(1, 40), holders=st.integers(1, 4), mortal=st.booleans())
    def begin(self, amount, holders, mortal):
        self.most_holders, ledger.MOST_HOLDERS = ledger.MOST_HOLDERS, holders
        self.limit = Limit("tokens", "day", amount)
        self.now = START
        self.version, self.stored = 0, None
        self.spent, self.lost, self.mortal, self.born = 0, 0, mortal, 0
        self.instances = [self.instance() for _ in range(3)]

    def instance(self):
        self.born += 1
        return Instance(f"i{self.born}", Holding(window("day", START, UTC)))

    @rule(number=NUMBERS, need=AMOUNTS)
    def call(self, number, need):
        """A call begins that needs some of what is free in memory."""
        instance = self.instances[number]
        need = min(need, instance.holding.free)
        if need > 0:
            instance.holding.reserved += need
            instance.holding.taken += need
            instance.running.append(need)

    @rule(number=NUMBERS, share=st.floats(0, 1))
    def settle(self, number, share):
        instance = self.instances[number]
        if instance.running:
            reserved = instance.running.pop(0)
            instance.holding.reserved -= reserved
            instance.holding.unreported += int(reserved * share)
            self.spent += int(reserved * share)

    @rule(number=NUMBERS, need=AMOUNTS, waiting=AMOUNTS)
    def lease(self, number, need, waiting):
        self.send(self.instances[number], need, waiting, grow=True)

    @rule(number=NUMBERS, need=AMOUNTS, waiting=AMOUNTS)
    def lease_and_call(self, number, need, waiting):
        """What happens most: nothing comes between."""
        self.lease(number, need, waiting)
        self.arrive(number)
        self.call(number, need)

    @rule(number=NUMBERS)
    def report(self, number):
        self.send(self.instances[number], 0, 0, grow=False)

    def send(self, instance, need, waiting, *, grow, closing=False):
        if instance.sent:
            return
        if instance.known is None:
            instance.known = self.version, self.stored
        version, stored = instance.known
        entry, _ = current(stored, self.limit, self.now, UTC, instance.name)
        holding = instance.holding
        holding.learn(entry, instance.name)
        if grow and holding.refusal(self.limit, need):
            instance.known = None
            return
        now = self.now.timestamp()
        keep = holding.block(self.limit, need, need + waiting, now) if grow else holding.kept(self.limit, now)
        keep = 0 if closing else keep
        instance.until = max(instance.until + 1, int(self.now.timestamp() * 1000) + 10_000)
        proposal = holding.propose(self.limit, entry, instance.name, keep, need, instance.until)
        instance.sent, instance.known = (version, proposal), None

    @rule(number=NUMBERS)
    def arrive(self, number):
        """The write arrives and so does its answer."""
        self.answer(self.instances[number])

    def answer(self, instance):
        if not instance.sent:
            return
        (version, proposal), instance.sent = instance.sent, None
        if self.apply(version, proposal):
            instance.holding.accept(proposal, self.now.timestamp())
            instance.known = self.version, self.stored
        else:
            instance.holding.withdraw(proposal)

    def apply(self, version, proposal):
        if version != self.version:
            return False
        self.version, self.stored = version + 1, proposal.entry
        return True

    @rule(number=NUMBERS, arrived=st.booleans())
    def give_up(self, number, arrived):
        """No answer came; the write may have arrived, and still may."""
        instance = self.instances[number]
        if instance.sent:
            if not (arrived and self.apply(*instance.sent)):
                instance.late.append(instance.sent)
            instance.sent = None

    @rule(number=NUMBERS)
    def arrive_late(self, number):
        instance = self.instances[number]
        if instance.late:
            self.apply(*instance.late.pop())

    @rule(number=NUMBERS)
    def kill(self, number):
        """What its calls had reserved is spent, for all that anyone knows."""
        if self.mortal:
            self.lost += sum(self.instances[number].running)
            self.instances[number] = self.instance()

    @rule(seconds=st.sampled_from([0.1, 3, 75]))
    def wait(self, seconds):
        # Leases of the living are booked as spent, too, when nothing was heard of them: nobody can tell.
        if self.mortal or seconds < 60:
            self.now += timedelta(seconds=seconds)

    @invariant()
    def what_is_spent_or_may_be_is_within_the_limit(self):
        running = sum(sum(each.running) for each in self.instances)
        assert self.spent + self.lost + running <= self.limit.amount

    @invariant()
    def what_is_leased_or_spent_is_within_the_limit(self):
        assert self.stored is None or self.stored.taken <= self.limit.amount

    def teardown(self):
        if not hasattr(self, "limit"):
            return
        exact = not self.mortal and self.born <= ledger.MOST_HOLDERS
        for instance in self.instances:
            self.answer(instance)
            while instance.late:
                self.apply(*instance.late.pop())
            while instance.running:
                self.settle(self.instances.index(instance), 1)
            instance.known = None
            self.send(instance, 0, 0, grow=False, closing=True)
            self.answer(instance)
        ledger.MOST_HOLDERS = self.most_holders
        if exact and self.stored:
            assert self.stored.spent == self.stored.taken == self.spent
        assert self.spent <= self.limit.amount


TestLedger = pytest.mark.filterwarnings("ignore::DeprecationWarning")(Ledger.TestCase)
TestLedger.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
