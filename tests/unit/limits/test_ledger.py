"""The ledger and one instance's holding, rule by rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.limits.holding import Holding
from gateway.limits.ledger import GRACE_MS, MOST_HOLDERS, Entry, Lease, current
from gateway.limits.windows import window
from gateway.registry.limits import Limit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MS = int(NOW.timestamp() * 1000)
TOKENS = Limit("tokens", "day", 1000)


def holding(**changes):
    return Holding(window("day", NOW, UTC), **changes)


def test_a_new_window_begins_with_nothing_spent():
    before = Entry("2026-02-28", 900, {"a": Lease(100, MS, 0)}, warned=True, exceeded=True)
    entry, here = current(before, TOKENS, NOW, UTC, "a")
    assert entry == Entry("2026-03-01") and here.key == "2026-03-01"
    assert current(None, TOKENS, NOW, UTC, "a")[0] == entry


def test_a_window_that_another_clock_has_begun_counts():
    late = datetime(2026, 3, 1, 23, 59, 30, tzinfo=UTC)
    begun = Entry("2026-03-02", 5)
    entry, here = current(begun, TOKENS, late, UTC, "a")
    assert entry == begun and here.start == datetime(2026, 3, 2, tzinfo=UTC)


def test_a_window_of_a_clock_that_is_wrong_does_not_count():
    entry, here = current(Entry("2027-01-01", 5), TOKENS, NOW, UTC, "a")
    assert entry == Entry("2026-03-01") and here.key == "2026-03-01"


def test_the_lease_of_a_dead_holder_counts_as_spent_and_not_before_the_grace():
    entry = Entry("2026-03-01", 10, {"a": Lease(100, MS, 40), "b": Lease(5, MS, 0)})
    grace = timedelta(milliseconds=GRACE_MS)
    assert current(entry, TOKENS, NOW + grace, UTC, "c")[0] == entry
    moved, _ = current(entry, TOKENS, NOW + grace + timedelta(seconds=1), UTC, "b")
    assert moved == Entry("2026-03-01", 110, {"b": Lease(5, MS, 0)})
    assert moved.taken == entry.taken == 115
    assert entry.used == 50


def test_whose_lease_was_booked_spends_it_all_the_same_and_reports_none_of_it():
    mine = holding(leased=100, unreported=30, reserved=20)
    mine.learn(Entry("2026-03-01", 100), "a")
    assert (mine.leased, mine.free, mine.unreported, mine.used()) == (0, 50, 0, 50)
    mine.reserved, mine.unreported = 0, 90
    mine.learn(Entry("2026-03-01", 100), "a")
    assert (mine.credit, mine.unreported, mine.free, mine.used()) == (0, 20, -20, 120)


def test_too_many_holders_leave_a_newcomer_no_lease_and_what_it_takes_is_spent():
    crowd = {f"h{number}": Lease(1, MS, 1) for number in range(MOST_HOLDERS)}
    mine = holding()
    entry = Entry("2026-03-01", 0, crowd)
    mine.learn(entry, "new")
    proposal = mine.propose(TOKENS, entry, "new", 10, 10, MS)
    assert proposal.booked and proposal.entry.spent == 10 and proposal.entry.leases == crowd
    mine.accept(proposal, 0.0)
    assert (mine.leased, mine.free) == (0, 10)
    mine.reserved = 10
    assert mine.used() == 10 + MOST_HOLDERS
    assert mine.left(TOKENS) == 1000 - MOST_HOLDERS - 10


def test_holders_of_nothing_make_room():
    crowd = {f"h{number}": Lease(number % 2, MS, 0) for number in range(MOST_HOLDERS)}
    entry = Entry("2026-03-01", 0, crowd).with_lease("new", Lease(3, MS, 3), 4)
    assert entry.leases["new"] == Lease(3, MS, 3) and len(entry.leases) == MOST_HOLDERS // 2 + 1
    assert entry.spent == 4


@pytest.mark.parametrize(
    ("limit", "entry", "need", "why"),
    [
        (TOKENS, Entry("2026-03-01", 500), 500, None),
        (TOKENS, Entry("2026-03-01", 0), 1001, "never"),
        (TOKENS, Entry("2026-03-01", 600), 401, "spent"),
        (TOKENS, Entry("2026-03-01", 0, {"b": Lease(600, MS, 100)}), 900, "held"),
        (TOKENS, Entry("2026-03-01", 0, {"b": Lease(600, MS, 500)}), 900, "running"),
        (Limit("requests", "day", 5), Entry("2026-03-01", 2, {"b": Lease(3, MS, 3)}), 1, "spent"),
        (Limit("requests", "day", 5), Entry("2026-03-01", 2, {"b": Lease(3, MS, 2)}), 1, "held"),
    ],
)
def test_a_refusal_says_what_it_would_take(limit, entry, need, why):
    mine = holding()
    mine.learn(entry, "a")
    refusal = mine.refusal(limit, need)
    assert (refusal.why if refusal else None) == why


def test_far_from_the_limit_a_block_is_ten_seconds_of_the_rate():
    mine = holding(rate=3.0, since=99.5)
    assert mine.block(TOKENS, 5, 5, 100.0) == 30
    assert mine.patience == 10
    assert mine.block(TOKENS, 5, 50, 100.0) == 50


def test_a_rate_is_measured_over_a_second_at_least():
    mine = holding(taken=20, since=100.0)
    assert mine.pace(100.2) == 20
    mine.taken = 40
    assert mine.pace(104.0) == 10
    assert (mine.taken, mine.since) == (0, 104.0)


def test_a_block_is_at_most_a_fair_share_of_what_is_left():
    mine = holding(rate=400.0, since=99.5)
    mine.learn(Entry("2026-03-01", 0, {"b": Lease(100, MS, 0)}), "a")
    assert mine.block(TOKENS, 1, 1, 100.0) == 900 // 4
    assert mine.patience == 1


def test_near_the_limit_a_block_is_exactly_what_one_call_needs():
    mine = holding()
    mine.learn(Entry("2026-03-01", 900), "a")
    assert mine.block(TOKENS, 60, 600, 100.0) == 60
    assert mine.patience == 0


def test_what_is_spent_or_idle_is_due_and_a_window_that_ended_is_not():
    at = NOW.timestamp()
    for changes, due in (
        ({}, False),
        ({"leased": 10, "reserved": 10, "written": at - 9}, False),
        ({"leased": 10, "reserved": 10, "written": at - 10}, True),
        ({"leased": 10, "unreported": 10, "written": at - 1, "patience": 0}, True),
        ({"leased": 10, "unreported": 10, "written": at - 0.9, "patience": 0}, False),
        ({"leased": 10, "written": at, "patience": 0}, True),
        ({"leased": 10, "written": at - 0.9, "patience": 1}, False),
        ({"leased": 10, "written": at - 1, "patience": 1}, True),
        ({"unreported": 3, "written": at - 10}, True),
    ):
        assert holding(**changes).is_due(NOW) is due, changes
    assert not holding(leased=10).is_due(datetime(2026, 3, 2, tzinfo=UTC))


def test_a_standing_is_what_all_instances_used_and_what_the_others_hold():
    mine = holding(leased=50, reserved=10, unreported=5)
    mine.learn(Entry("2026-03-01", 100, {"a": Lease(50, MS, 0), "b": Lease(30, MS, 20)}), "a")
    standing = mine.standing(TOKENS)
    assert (standing.used, standing.held, standing.remaining) == (135, 10, 855)


def test_the_next_window_begins_at_this_ones_pace():
    after = holding(leased=5, rate=2.0).next(window("day", NOW + timedelta(days=1), UTC))
    assert (after.leased, after.rate, after.window.key) == (0, 2.0, "2026-03-02")


def test_until_a_writes_fate_is_known_only_what_is_leased_either_way_may_be_spent():
    mine = holding(leased=100, reserved=10, unreported=20)
    before = Entry("2026-03-01", 0, {"a": Lease(100, MS - 1, 0)})
    less = mine.propose(TOKENS, before, "a", 5, 0, MS)
    assert (less.amount, less.entry.spent, mine.free) == (15, 20, 5)
    mine.withdraw(less)
    assert mine.free == 70
    more = mine.propose(TOKENS, before, "a", 200, 0, MS + 1)
    assert (more.amount, mine.free) == (210, 70)
    mine.learn(more.entry, "a")
    assert (mine.leased, mine.unreported, mine.free) == (210, 0, 200)
