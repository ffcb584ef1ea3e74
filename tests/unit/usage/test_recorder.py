"""The recorder: every call is counted once, whatever storage does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import StorageUnavailable
from gateway.openai.tokens import Tokens
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.usage import recorder
from tests.unit.usage.ledger import Ledger, call


async def test_a_thousand_calls_take_fewer_than_ten_storage_operations(ledger: Ledger):
    for number in range(1000):
        ledger.recorder.record(call(number, key_id=f"key-{number % 20}", status=500 if number % 10 == 0 else 200))
    await ledger.recorder.flush()
    assert ledger.tables.calls.total() < 10
    totals = await ledger.totals()
    assert (totals.requests, totals.failed, totals.total_tokens) == (1000, 100, 15_000)
    assert await ledger.totals("day", "2026-11-20") == totals


async def test_a_call_is_counted_under_its_model_at_its_price(ledger: Ledger):
    ledger.recorder.record(call(tokens=Tokens(input=1_000_000)))
    ledger.recorder.record(call(provider="openai_compatible", known_as=("mine",)))
    ledger.recorder.record(call(provider="openai_compatible", known_as=("mine",), tokens=Tokens(), status=404))
    ledger.recorder.record(call(model_id="given", measured=False))
    await ledger.recorder.flush()
    totals = await ledger.totals()
    assert (totals.measured, totals.estimated, totals.unpriced) == (2, 1, 1)
    by_model = await ledger.reports.by_model("contoso@1763629200", "month", "2026-11")
    assert len(by_model) == 3 and "given" in by_model
    assert max(each.cost for each in by_model.values()) == 2_500_000_000


async def test_recording_costs_less_than_two_microseconds_and_never_fails(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(recorder, "MOST_CALLS", 900)
    one, best = call(), 1.0
    for _ in range(5):
        before = time.perf_counter()
        for _ in range(200):
            ledger.recorder.record(one)
        best = min(best, (time.perf_counter() - before) / 200)
    assert best < 2e-6
    assert ledger.recorder.lost == 100
    await ledger.recorder.flush()
    assert (await ledger.totals()).requests == 900
    assert [each.getMessage() for each in caplog.records] == [
        "usage of 100 calls is lost: neither storage nor disk took it"
    ]


class LostAnswers(MemoryTables):
    """Storage that does what it is told, and whose answers to so many transactions are lost."""

    lost = 0

    async def transact(self, table: str, **rows: Any) -> Sequence[Row]:
        written = await super().transact(table, **rows)
        if self.lost:
            self.lost -= 1
            raise StorageUnavailable("Storage did not answer in time.")
        return written


async def test_a_batch_whose_answer_was_lost_is_counted_once(tmp_path: Path):
    tables = LostAnswers()
    ledger = Ledger(tables, tmp_path)
    tables.lost = 2
    ledger.record(10)
    for _ in range(3):
        await ledger.recorder.flush()
    assert (await ledger.totals()).requests == 10
    assert len(await ledger.rows("calls|")) == 1
    await ledger.recorder.close()
    assert list(tmp_path.iterdir()) == []


async def test_two_instances_totals_add_up(ledger: Ledger, tmp_path: Path):
    # So many meet in the eight shards, and fight over their rows.
    names = ["one", "two", "three", *map(str, range(13))]
    instances = [Ledger(ledger.tables, tmp_path, name, ledger.pricer) for name in names]
    for each in instances:
        each.record(5)
    await asyncio.gather(*(each.recorder.flush() for each in instances))
    for each in instances:
        await each.recorder.close()
    assert (await instances[0].totals()).requests == 5 * len(names)
    assert (await instances[0].totals("day", "2026-11-20")).total_tokens == 75 * len(names)
    assert len(await instances[0].rows("sum|month|")) == 8


async def test_storage_down_for_minutes_then_back_loses_nothing(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    caplog.set_level(logging.INFO, "gateway.usage")
    ledger.record(100)
    await ledger.recorder.flush()
    ledger.tables.available = False
    for minute in range(5):
        ledger.record(100, start=100 * (minute + 1))
        await ledger.recorder.flush()
        ledger.now = ledger.now.replace(minute=minute + 1)
    assert sum(1 for _ in tmp_path.iterdir()) == 1
    ledger.tables.available = True
    ledger.record(100, start=600)
    await ledger.recorder.flush()
    assert (await ledger.totals()).requests == 700
    assert list(tmp_path.iterdir()) == []
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "usage can't be written and waits on disk: Storage is switched off."),
        ("INFO", "usage is written again after 300 s; 600 calls waited on disk"),
    ]


async def test_an_orderly_stop_with_storage_down_leaves_all_to_the_next_process(ledger: Ledger, tmp_path: Path):
    ledger.tables.available = False
    ledger.record(50)
    await ledger.recorder.close()
    assert ledger.recorder.lost == 0
    ledger.tables.available = True
    successor = Ledger(ledger.tables, tmp_path, "two")
    await successor.recorder.flush()
    assert (await successor.totals()).requests == 50
    assert list(tmp_path.iterdir()) == []


async def test_what_was_replayed_by_two_processes_counts_once(ledger: Ledger, tmp_path: Path):
    ledger.tables.available = False
    ledger.record(50)
    await ledger.recorder.close()
    [file] = tmp_path.iterdir()
    copy = file.read_bytes()
    ledger.tables.available = True
    for name in ("two", "three"):
        file.write_bytes(copy)
        await Ledger(ledger.tables, tmp_path, name).recorder.flush()
    assert (await ledger.totals()).requests == 50


async def test_flushes_that_come_together_share_one_and_each_sees_what_was_recorded_before_it(ledger: Ledger):
    await ledger.recorder.flush()
    ledger.record(10)
    first = [asyncio.create_task(ledger.recorder.flush()) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ledger.record(10, start=10)
    second = [asyncio.create_task(ledger.recorder.flush()) for _ in range(10)]
    await asyncio.gather(*first, *second)
    assert (await ledger.totals()).requests == 20
    assert ledger.tables.calls["transact"] == 2


async def test_a_caller_who_is_cancelled_leaves_no_flush_half_done(ledger: Ledger):
    ledger.record(10)
    caller = asyncio.create_task(ledger.recorder.flush())
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await ledger.recorder.close()
    assert (await ledger.totals()).requests == 10
    assert ledger.tables.calls["transact"] == 1


async def test_a_thousand_calls_are_written_before_their_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ledger.recorder, "_flush_seconds", 3600.0)
    running = asyncio.create_task(ledger.recorder.run())
    async with asyncio.timeout(10):
        ledger.record(recorder.FLUSH_AT)
        while (await ledger.totals()).requests < recorder.FLUSH_AT:
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_recorder_flushes_by_itself(ledger: Ledger):
    running = asyncio.create_task(ledger.recorder.run())
    ledger.record(3)
    async with asyncio.timeout(10):
        while (await ledger.totals()).requests < 3:
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_disk_that_fails_too_loses_the_newest_and_counts_them(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def full(pages: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder, "MOST_CALLS", 25)
    monkeypatch.setattr(ledger.spill, "append", full)
    ledger.tables.available = False
    for number in range(4):
        ledger.record(10, start=10 * number)
        await ledger.recorder.flush()
    assert ledger.recorder.lost == 20
    said = [each.getMessage() for each in caplog.records]
    assert said.count("usage can't be kept on disk: No space left on device") == 1
    ledger.tables.available = True
    await ledger.recorder.flush()
    assert (await ledger.totals()).requests == 20
    ledger.tables.available = False
    ledger.record(10, start=90)
    await ledger.recorder.close()
    assert ledger.recorder.lost == 30


async def test_a_spill_that_cannot_be_read_is_tried_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    def broken(most: int) -> None:
        raise OSError(5, "Input/output error")

    ledger.tables.available = False
    ledger.record(10)
    await ledger.recorder.flush()
    ledger.tables.available = True
    with monkeypatch.context() as patch:
        patch.setattr(ledger.spill, "batch", broken)
        await ledger.recorder.flush()
    await ledger.recorder.flush()
    assert (await ledger.totals()).requests == 10


async def test_a_call_that_cannot_be_counted_spoils_no_other(ledger: Ledger, caplog: pytest.LogCaptureFixture):
    ledger.record(2)
    ledger.recorder.record(call(latency_ms="slow"))
    ledger.recorder.record(call(tokens=None))
    ledger.record(2, start=2)
    await ledger.recorder.flush()
    assert (await ledger.totals()).requests + ledger.recorder.lost == 6
    assert ledger.recorder.lost == 2 and "can't be counted" in caplog.text


async def test_a_page_that_storage_never_takes_is_given_up(ledger: Ledger, caplog: pytest.LogCaptureFixture):
    ledger.record(1, tenant="a/b@1")
    ledger.record(1)
    await ledger.recorder.flush()
    assert (await ledger.totals()).requests == 1 and ledger.recorder.lost == 1
    assert "storage does not take a page of usage" in caplog.text


async def test_a_writer_that_loses_every_time_keeps_its_page_for_later(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from gateway.storage.rows import RowChanged

    async def late(table: str, **rows: Any) -> None:
        raise RowChanged

    with monkeypatch.context() as patch:
        patch.setattr(ledger.tables, "transact", late)
        ledger.record(5)
        await ledger.recorder.flush()
    assert len(list(tmp_path.iterdir())) == 1
    await ledger.recorder.flush()
    assert (await ledger.totals()).requests == 5


async def test_a_defect_does_not_end_the_loop(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def defective(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(ledger.store, "write", defective)
        ledger.record(5)
        await ledger.recorder.flush()
        patch.setattr(ledger.recorder, "_replay", defective)
        await ledger.recorder.flush()
    assert "a page of usage could not be written and waits on disk" in caplog.text
    assert "usage could not be written" in caplog.text
    await ledger.recorder.flush()
    assert (await ledger.totals()).requests == 5
