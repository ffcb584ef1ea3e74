"""Numbers of the wire as counts."""

from __future__ import annotations

import pytest
from hypothesis import given

from gateway.openai.tokens import MOST, Tokens, count, sides
from tests.unit.openai.test_request import JSON_VALUES


def test_limits_count_input_and_output():
    assert Tokens(input=3, output=4, cached_input=2, reasoning=1).total == 7


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        *((0, 0), (7, 7), (7.0, 7), (MOST, MOST), (MOST + 1, None), (1e300, None), (-1, None), (1.5, None)),
        *((None, None), ("7", None), (True, None), ([], None), ({}, None), (float("inf"), None), (float("nan"), None)),
    ],
)
def test_a_count_is_a_whole_number_and_zero_is_one(value, counted):
    assert count(value) == counted


@pytest.mark.parametrize(
    ("told", "both"),
    [
        ((3, 4, None), (3, 4)),
        ((0, 0, 99), (0, 0)),
        ((3, None, None), (3, 0)),
        ((None, 4, None), (0, 4)),
        ((3, None, 10), (3, 7)),
        ((None, 4, 10), (6, 4)),
        ((None, None, 10), (10, 0)),
        ((3, "many", 10), (3, 7)),
        ((12, None, 10), (12, 0)),
        ((3, "many", None), None),
        (({}, 4, None), None),
        ((None, None, None), None),
        ((-1, None, "x"), None),
    ],
)
def test_a_side_that_is_missing_is_the_rest_of_the_sum(told, both):
    assert sides(*told) == both


@given(JSON_VALUES, JSON_VALUES, JSON_VALUES)
def test_whatever_is_told_gives_two_counts_or_none(heard, said, total):
    both = sides(heard, said, total)
    assert both is None or all(0 <= each <= MOST for each in both)
