"""Usage over a real table service: outages, kills, and instances that meet at one row."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.metering.rollups import Totals
from gateway.storage.catalog import CatalogStore
from gateway.storage.rows import Tables
from gateway.storage.tables import AzureTables
from gateway.storage.usage import UsageStore
from gateway.usage.pricer import Pricer
from gateway.usage.recorder import Recorder
from gateway.usage.reports import Reports
from gateway.usage.spill import Spill
from tests.azurite.conftest import Azurite
from tests.unit.usage.ledger import MODEL_ID, NOON, call, charged, page

Opened = Callable[[str], AzureTables]
ROOT = Path(__file__).parents[2]
FLUSH_SECONDS = 0.5


def now() -> datetime:
    return datetime.now(UTC)


def recorder_of(tables: Tables, directory: Path) -> Recorder:
    return Recorder(UsageStore(tables), Pricer(CatalogStore(tables), now), Spill(directory, "account"), now, 5.0)


async def totals(tables: Tables, tenant: str, month: str = "2026-11") -> Totals:
    found = await UsageStore(tables).totals(tenant, "month", month)
    return sum((each.totals for each in found), Totals())


@contextmanager
def recording(azurite: Azurite, directory: Path) -> Iterator[tuple[subprocess.Popen[str], list[tuple[int, float]]]]:
    """A process that records; and what it said so far: how many calls, and when."""
    command = [sys.executable, "-m", "tests.azurite.usage_process", str(directory), str(FLUSH_SECONDS)]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said: list[tuple[int, float]] = []

    def listen() -> None:
        for line in process.stdout or ():
            # A kill may come while it speaks: half a line says nothing.
            if line.endswith("\n"):
                count, moment = line.split()
                said.append((int(count), float(moment)))

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert process.stdin is not None
        process.stdin.write(azurite.connection + "\n")
        process.stdin.flush()
        yield process, said
    finally:
        process.kill()
        process.wait()
        listener.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


async def test_a_killed_process_loses_at_most_its_last_flush_interval(
    own_azurite: Azurite, opened: Opened, tmp_path: Path
) -> None:
    with recording(own_azurite, tmp_path / "spill") as (process, said):
        async with asyncio.timeout(60):
            while len(said) < 400:
                await asyncio.sleep(0.05)
        process.kill()
        killed = time.monotonic()
        process.wait()
    tables = opened(own_azurite.connection)
    kept = (await totals(tables, "contoso@1763629200", f"{now():%Y-%m}")).requests
    # A flush takes a moment of its own on a busy machine.
    safe = [count for count, moment in said if moment < killed - FLUSH_SECONDS * 1.1 - 1.0]
    assert safe and max(safe) <= kept <= max(count for count, _ in said)


async def test_a_process_that_is_killed_while_storage_is_down_leaves_its_usage_to_the_next(
    own_azurite: Azurite, opened: Opened, tmp_path: Path
) -> None:
    spill = tmp_path / "spill"
    with recording(own_azurite, spill) as (process, said):
        async with asyncio.timeout(60):
            while len(said) < 100:
                await asyncio.sleep(0.05)
            own_azurite.stop()
            while not list(spill.glob("*.jsonl")) or len(said) < 300:
                await asyncio.sleep(0.05)
            # Its file is its own for as long as it lives.
            assert Spill(spill, "account").adopt() == 0
        process.kill()
        killed = time.monotonic()
        process.wait()
    own_azurite.start()
    tables = opened(own_azurite.connection)
    recorder = recorder_of(tables, spill)
    await recorder.flush()
    await recorder.close()
    kept = (await totals(tables, "contoso@1763629200", f"{now():%Y-%m}")).requests
    safe = [count for count, moment in said if moment < killed - FLUSH_SECONDS * 1.1 - 1.0]
    assert safe and max(safe) <= kept <= max(count for count, _ in said)
    assert list(spill.iterdir()) == []


async def test_instances_that_meet_at_one_row_count_every_call_once(tables: AzureTables, tmp_path: Path) -> None:
    tenant = "busy@1"
    recorders = [recorder_of(tables, tmp_path) for _ in range(12)]

    async def work(recorder: Recorder) -> None:
        for number in range(3):
            for each in range(20):
                recorder.record(call(each, tenant=tenant, model_id=MODEL_ID, key_id=f"key-{number}"))
            await recorder.flush()

    await asyncio.gather(*map(work, recorders))
    for recorder in recorders:
        await recorder.close()
        assert recorder.lost == 0
    found = await totals(tables, tenant)
    assert (found.requests, found.total_tokens) == (720, 720 * 15)


async def test_one_instance_writes_page_after_page_without_a_read_and_two_of_one_shard_count_the_same(
    shared_azurite: Azurite, opened: Opened
) -> None:
    class Counting:
        """What is asked of storage, in the order of asking."""

        def __init__(self, tables: AzureTables) -> None:
            self.asked: list[str] = []
            self._tables = tables

        def __getattr__(self, name: str) -> Any:
            self.asked.append(name)
            return getattr(self._tables, name)

    tenant = "steady@1"
    counting = Counting(opened(shared_azurite.connection))
    # Their names lead to one shard.
    one, other = UsageStore(counting), UsageStore(opened(shared_azurite.connection))
    for number in range(6):
        calls = (charged(number, tenant=tenant), charged(number, tenant=tenant, key_id=f"key-{number % 3}"))
        await one.write(page(*calls, instance="one", sequence=number))
    assert counting.asked == ["put", "list", "list", *["transact"] * 6]
    for number in range(6, 16):
        pages = [page(charged(number, tenant=tenant), instance=name, sequence=number) for name in ("one", "b")]
        await asyncio.gather(one.write(pages[0]), other.write(pages[1]))
    assert (await totals(counting, tenant)).requests == 12 + 20


async def test_a_page_as_large_as_any_is_what_storage_takes(tables: AzureTables, tmp_path: Path) -> None:
    tenant = "large@1"
    recorder = recorder_of(tables, tmp_path)
    for number in range(3000):
        recorder.record(call(number, tenant=tenant, model="東" * 128, key_id=f"key-{number % 60}"))
    reports = Reports(UsageStore(tables), recorder)
    assert sum(each.totals.requests for each in await reports.totals(tenant, "day", "2026-11-20")) == 3000
    found, after = await reports.calls("large", NOON.date(), 1000)
    assert len(found) == 1000 and after is not None
    assert found[0].call.request_id == "request-002999"
    assert recorder.lost == 0
    await recorder.close()


async def test_an_outage_costs_no_usage(own_azurite: Azurite, opened: Opened, tmp_path: Path) -> None:
    tables = opened(own_azurite.connection)
    recorder = recorder_of(tables, tmp_path / "spill")
    tenant = "outage@1"
    for number in range(4):
        if number == 1:
            own_azurite.stop()
        if number == 3:
            own_azurite.start()
        for each in range(50):
            recorder.record(call(each, tenant=tenant))
        await recorder.flush()
    assert (await totals(tables, tenant)).requests == 200
    await recorder.close()
    assert list((tmp_path / "spill").iterdir()) == []
