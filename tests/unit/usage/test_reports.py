"""Reports over what is stored and what was only just recorded."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.errors import StorageUnavailable
from gateway.storage.memory import MemoryTables
from gateway.usage.reports import tenant_id_of
from tests.unit.usage.ledger import NOON, TENANT, Ledger, call

DAY = date(2026, 11, 20)


async def test_a_report_has_what_this_instance_recorded_a_moment_ago(ledger: Ledger):
    ledger.record(3)
    [total] = await ledger.reports.totals(TENANT, "month", "2026-11")
    assert total.totals.requests == 3
    ledger.record(1)
    [model] = (await ledger.reports.by_model(TENANT, "day", "2026-11-20")).values()
    assert model.requests == 4


async def test_a_tenants_report_is_one_read(ledger: Ledger):
    ledger.record(3)
    await ledger.recorder.flush()
    before = ledger.tables.calls.copy()
    await ledger.reports.totals(TENANT, "month", "2026-11")
    assert ledger.tables.calls - before == {"list": 1}


async def test_models_are_added_up_over_their_other_dimensions(ledger: Ledger):
    for number, key in enumerate("abc"):
        ledger.recorder.record(call(number, key_id=key, model_id="m"))
    ledger.recorder.record(call(9, provider=None, deployment=None, known_as=(), status=404))
    found = await ledger.reports.by_model(TENANT, "month", "2026-11")
    assert {model: totals.requests for model, totals in found.items()} == {"m": 3, "": 1}


async def test_everyone_is_all_tenants_of_the_month_and_those_that_had_an_id_one_after_the_other(
    tables: MemoryTables, tmp_path: Path
):
    ledger = Ledger(tables, tmp_path)
    for tenant in ("contoso@1", "contoso@2", "fabrikam@1"):
        ledger.record(2, tenant=tenant)
    found = await ledger.reports.everyone("month", "2026-11")
    assert [(each.tenant_id, each.totals[0].totals.requests) for each in found] == [
        ("contoso", 2),
        ("contoso", 2),
        ("fabrikam", 2),
    ]
    only = await ledger.reports.everyone("day", "2026-11-20", "contoso")
    assert [each.tenant for each in only] == ["contoso@1", "contoso@2"]
    assert await ledger.reports.everyone("month", "2026-10") == []
    assert tenant_id_of("a@b@17") == "a@b"


async def test_calls_are_listed_newest_first_page_by_page_and_none_twice(ledger: Ledger):
    for number in range(40):
        tenant = ("contoso@1", "contoso@2", "fabrikam@1")[number % 3]
        at = NOON + timedelta(minutes=(number * 37) % 700 - 350)
        ledger.recorder.record(call(number, tenant=tenant, at=at))
    # Of one moment, the request's id decides.
    ledger.record(3, start=40, at=NOON, tenant="contoso@1")
    seen, after = [], None
    while True:
        page, after = await ledger.reports.calls("contoso", DAY, 4, after)
        seen += page
        if after is None:
            break
        assert len(page) == 4
    places = [(each.call.at, each.call.request_id) for each in seen]
    assert places == sorted(places, reverse=True) and len(set(places)) == len(places) == 30
    assert await ledger.reports.calls("nobody", DAY, 4) == ([], None)
    assert await ledger.reports.calls("contoso", DAY - timedelta(days=1), 4) == ([], None)


async def test_a_page_reads_no_further_back_than_it_needs(ledger: Ledger):
    ledger.record(5, at=NOON + timedelta(hours=11, minutes=30))
    await ledger.recorder.flush()
    before = ledger.tables.calls["list"]
    page, after = await ledger.reports.calls("contoso", DAY, 2)
    assert len(page) == 2 and after is not None
    assert ledger.tables.calls["list"] - before == 2


async def test_a_report_without_storage_says_so_and_loses_nothing(ledger: Ledger):
    ledger.record(3)
    ledger.tables.available = False
    with pytest.raises(StorageUnavailable):
        await ledger.reports.totals(TENANT, "month", "2026-11")
    ledger.tables.available = True
    [total] = await ledger.reports.totals(TENANT, "month", "2026-11")
    assert total.totals.requests == 3
