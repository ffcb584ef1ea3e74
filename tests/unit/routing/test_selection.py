"""Whose turn it is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.selection import KEPT_QUEUES, Rotation
from tests.builders import deployment


def turns(rotation, members, count, usable=lambda _: True):
    return [rotation.next(members, usable).friendly_name for _ in range(count)]


def test_equal_weights_take_strict_turns():
    members = [deployment(name) for name in ("east", "north", "west")]
    assert turns(Rotation(), members, 6) == ["east", "north", "west"] * 2


@given(st.integers(1, 12), st.integers(1, 8))
def test_full_rounds_of_equal_weights_are_exactly_equal(members, rounds):
    pool = [deployment(f"d{number}") for number in range(members)]
    assert set(Counter(turns(Rotation(), pool, members * rounds)).values()) == {rounds}


def test_weights_of_seven_and_three_tenths_are_exact_over_ten_thousand_calls():
    members = [deployment("big", weight=0.7), deployment("small", weight=0.3)]
    assert Counter(turns(Rotation(), members, 10_000)) == {"big": 7000, "small": 3000}


def test_turns_are_spread_evenly():
    members = [deployment("a", weight=5), deployment("b", weight=1), deployment("c", weight=1)]
    assert "".join(turns(Rotation(), members, 7)) == "aaabcaa"


@pytest.mark.parametrize("left", [2, 1])
def test_those_who_rest_are_left_out_and_the_others_share(left):
    members = [deployment(name) for name in ("east", "north", "west")]
    rotation = Rotation()
    turns(rotation, members, 3)
    shared = turns(rotation, members, 6, lambda each: each in members[:left])
    assert set(Counter(shared).values()) == {6 // left}


def test_who_comes_back_does_not_catch_up():
    members = [deployment("east"), deployment("west")]
    rotation = Rotation()
    assert turns(rotation, members, 100, lambda each: each is members[0]) == ["east"] * 100
    assert Counter(turns(rotation, members, 10)) == {"east": 5, "west": 5}


def test_when_nobody_is_usable_no_turn_is_taken():
    members = [deployment("east"), deployment("west")]
    rotation = Rotation()
    assert rotation.next(members, lambda _: False) is None
    assert turns(rotation, members, 2) == ["east", "west"]


def test_a_weight_of_nothing_is_used_when_nothing_else_is():
    members = [deployment("spare", weight=0), deployment("east")]
    rotation = Rotation()
    assert turns(rotation, members, 1000) == ["east"] * 1000
    assert turns(rotation, members, 2, lambda each: each is members[0]) == ["spare"] * 2
    assert turns(rotation, members, 3) == ["east"] * 3


def test_after_a_change_of_the_registry_turns_go_on_and_newcomers_have_nothing_to_catch_up():
    east, west, north = (deployment(name) for name in ("east", "west", "north"))
    rotation = Rotation()
    turns(rotation, [east, west], 101)
    rotation.forget({"openai-chat/east", "openai-chat/west"})
    assert turns(rotation, [east, west], 1) == ["west"]
    grown = [east, west, north]
    assert max(Counter(turns(rotation, grown, 30)).values()) <= 11
    rotation.forget({"openai-chat/north"})
    assert turns(rotation, [north], 1) == ["north"]


def test_a_look_ahead_takes_no_turns():
    members = [deployment("east"), deployment("west")]
    rotation = Rotation()
    turns(rotation, members, 1)
    assert turns(rotation.copy(), members, 3) == ["west", "east", "west"]
    assert turns(rotation, members, 1) == ["west"]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 5))
def test_over_whole_rounds_everybody_gets_exactly_its_share(weights, rounds):
    members = [deployment(f"d{number}", weight=weight) for number, weight in enumerate(weights)]
    counted = Counter(turns(Rotation(), members, sum(weights) * rounds))
    assert [counted[each.friendly_name] for each in members] == [weight * rounds for weight in weights]


def test_parts_of_a_pool_have_turns_of_their_own_and_do_not_fill_the_memory():
    members = [deployment("east"), deployment("west"), deployment("north")]
    rotation = Rotation()
    for _ in range(KEPT_QUEUES + 10):
        turns(rotation, list(members[:2]), 1)
    assert len(rotation._queues) <= KEPT_QUEUES
