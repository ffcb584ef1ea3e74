"""A page of calls: its key, its lines, its sums."""

from __future__ import annotations

import pytest

from gateway.metering.pages import UsagePage
from gateway.metering.rollups import rolled_up
from tests.unit.usage.ledger import TENANT, charged, page


def test_a_page_has_its_key_from_its_first_call_and_who_made_it():
    made = page(charged(1), charged(2), instance="i", sequence=12)
    assert (made.tenant, made.month, made.day) == (TENANT, "2026-11", "2026-11-20")
    assert made.key == "calls|2026-11-20T12:00:01.000000|i|00000012"


def test_a_page_is_the_same_when_it_is_made_again_from_its_lines():
    made = page(charged(1), charged(2, None, status=500))
    assert made.sums == rolled_up([charged(1), charged(2, None, status=500)])
    assert UsagePage.of("one", 0, made.calls()) == made


def test_no_calls_make_no_page():
    with pytest.raises(ValueError):
        UsagePage.of("i", 0, [])
