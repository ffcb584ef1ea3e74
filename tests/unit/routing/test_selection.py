"""Whose turn it is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.selection import Rotation
from tests.builders import deployment


def turns(rotation, members, count):
    return [rotation.next(members).friendly_name for _ in range(count)]


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
    assert "".join(turns(Rotation(), members, 7)) == "aabacaa"


@pytest.mark.parametrize("left", [2, 1])
def test_those_who_rest_are_left_out_and_the_others_share(left):
    members = [deployment(name) for name in ("east", "north", "west")]
    rotation = Rotation()
    turns(rotation, members, 3)
    assert set(Counter(turns(rotation, members[:left], 6)).values()) == {6 // left}
