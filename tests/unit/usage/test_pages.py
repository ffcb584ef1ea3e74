"""Packing calls into pages."""

from __future__ import annotations

from datetime import timedelta

from gateway.storage.usage import CHARACTERS_IN_A_PAGE, DIMENSIONS_IN_A_PAGE
from gateway.usage.pages import Packing
from tests.unit.usage.ledger import NOON, charged


def test_calls_of_one_tenant_and_hour_are_one_page():
    packing = Packing("i")
    for number in range(500):
        packing.add(charged(number))
    [page] = packing.pages(5)
    assert (page.instance, page.sequence, len(page.lines)) == ("i", 5, 500)


def test_tenants_and_hours_have_pages_of_their_own_with_numbers_of_their_own():
    packing = Packing("i")
    for tenant in ("a@1", "b@1"):
        for hours in (0, 11, 12):
            packing.add(charged(tenant=tenant, at=NOON + timedelta(hours=hours)))
            packing.add(charged(tenant=tenant, at=NOON + timedelta(hours=hours, minutes=59)))
    pages = list(packing.pages(0))
    assert [(each.tenant, each.day, len(each.lines)) for each in pages] == [
        (tenant, day, 2) for tenant in ("a@1", "b@1") for day in ("2026-11-20", "2026-11-20", "2026-11-21")
    ]
    assert [each.sequence for each in pages] == list(range(6))


def test_many_dimensions_are_split_over_pages_that_a_transaction_takes():
    packing = Packing("i")
    for number in range(3 * DIMENSIONS_IN_A_PAGE + 1):
        packing.add(charged(number, key_id=f"key-{number}"))
    pages = list(packing.pages(0))
    assert [len(each.sums) for each in pages] == [DIMENSIONS_IN_A_PAGE] * 3 + [1]
    assert 1 + 2 * DIMENSIONS_IN_A_PAGE <= 100
    assert len({each.key for each in pages}) == 4


def test_calls_of_many_dimensions_that_take_turns_fill_no_more_pages_than_they_must():
    packing = Packing("i")
    for number in range(1000):
        packing.add(charged(number, key_id=f"key-{number % (DIMENSIONS_IN_A_PAGE + 10)}"))
    assert len(list(packing.pages(0))) == 2


def test_a_page_is_no_longer_than_a_row_takes():
    packing = Packing("i")
    for number in range(1000):
        packing.add(charged(number, model="東" * 500))
    pages = list(packing.pages(0))
    assert len(pages) > 1 and sum(len(each.lines) for each in pages) == 1000
    for page in pages:
        assert sum(len(line) + 1 for line in page.lines) <= CHARACTERS_IN_A_PAGE


def test_nothing_is_no_page():
    assert list(Packing("i").pages(0)) == []
