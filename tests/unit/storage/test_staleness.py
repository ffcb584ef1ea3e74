"""The registry while storage is dead, failing or wiped: it serves on and tells the truth."""

from __future__ import annotations

import asyncio

import pytest

from gateway.registry.snapshot import Snapshot
from gateway.storage.memory import MemoryTables
from gateway.storage.refresh import DEFECT, MARKER_GONE
from gateway.storage.rows import Row
from gateway.storage.tokens import first_management_token
from tests.unit.storage.changes import CHAT
from tests.unit.storage.house import House


async def test_a_dead_storage_leaves_the_last_good_snapshot_and_says_since_when(house: House) -> None:
    await house.store("east")
    await house.registry.refresh()
    good, checked = house.registry.snapshot, house.now
    house.tables.available = False
    since = house.pass_time(5)
    for _ in range(3):
        assert await house.registry.refresh() is False
        house.pass_time(5)
    status = house.registry.status()
    assert house.registry.snapshot is good
    assert (status.state, status.checked_at, status.stale_since) == ("stale", checked, since)
    assert status.error == "Storage is switched off."


async def test_a_forced_refresh_of_a_dead_storage_does_not_raise(house: House) -> None:
    await house.registry.refresh()
    house.tables.available = False
    assert await house.registry.refresh(force=True) is False


async def test_when_storage_is_back_the_registry_is_fresh_again(house: House) -> None:
    await house.registry.refresh()
    house.tables.available = False
    await house.registry.refresh()
    house.tables.available = True
    await House(house.tables).store("east")
    assert await house.registry.refresh() is True
    status = house.registry.status()
    assert (status.state, status.stale_since, status.error) == ("fresh", None, None)


async def test_storage_that_fails_between_two_tables_swaps_nothing(house: House) -> None:
    class Half(MemoryTables):
        async def list(self, table: str, partition: str | None = None) -> list[Row]:
            rows = await super().list(table, partition)
            self.available = not self.failing
            return rows

        failing = False

    tables = Half()
    half = House(tables)
    await half.registry.refresh()
    await half.store("east")
    tables.failing = True
    assert await half.registry.refresh() is False
    assert half.names == []
    tables.failing, tables.available = False, True
    assert await half.registry.refresh() is True
    assert half.names == ["east"]


async def test_an_outage_is_logged_when_it_begins_and_when_it_ends_and_not_in_between(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.registry.refresh()
    caplog.clear()
    caplog.set_level("INFO")
    house.tables.available = False
    for _ in range(5):
        await house.registry.refresh()
    house.tables.available = True
    for _ in range(5):
        await house.registry.refresh()
    assert [record.getMessage() for record in caplog.records] == [
        "the registry is not fresh: Storage is switched off.",
        "storage answers again; the registry is fresh",
    ]


async def test_started_while_storage_is_dead_it_is_empty_and_loads_when_storage_comes(house: House) -> None:
    house.tables.available = False
    assert await house.registry.refresh() is False
    status = house.registry.status()
    assert (status.state, status.stale_since, status.error) == ("empty", None, "Storage is switched off.")
    house.tables.available = True
    assert await house.registry.refresh() is True
    assert house.registry.status().state == "fresh"


async def test_a_wiped_storage_does_not_take_the_registry_down(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.store("east")
    await house.registry.refresh()
    caplog.clear()
    await house.deployments.delete(CHAT, "east")
    await house.tables.delete("management", "registry", "revision")
    since = house.pass_time(5)
    for force in (False, True, False):
        assert await house.registry.refresh(force) is False
        house.pass_time(1000)
    assert house.names == ["east"]
    status = house.registry.status()
    assert (status.state, status.stale_since, status.error) == ("stale", since, MARKER_GONE)
    assert [record.getMessage() for record in caplog.records] == [f"the registry is not fresh: {MARKER_GONE}"]


async def test_a_wiped_storage_gets_a_management_token_so_that_an_operator_can_write(house: House) -> None:
    await house.store("east")
    await house.registry.refresh()
    for table in ("configuration", "management"):
        for row in await house.tables.list(table):
            await house.tables.delete(table, row.partition, row.key)
    await house.registry.refresh()
    assert await first_management_token(house.tables) is not None
    house.tables.calls.clear()
    await house.registry.refresh()
    assert house.tables.calls == {"get": 1}


async def test_two_faults_that_take_turns_are_logged_once_each(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.store("east")
    await house.registry.refresh()
    await house.tables.delete("management", "registry", "revision")
    caplog.clear()
    for turn in range(6):
        house.tables.available = turn % 2 == 0
        await house.registry.refresh()
    assert len(caplog.records) == 2


async def test_after_a_wipe_the_next_write_brings_the_registry_back_in_step(house: House) -> None:
    await house.store("east")
    await house.registry.refresh()
    await house.tables.delete("configuration", CHAT, "east")
    await house.tables.delete("management", "registry", "revision")
    await house.registry.refresh()
    await house.store("west")
    assert await house.registry.refresh(force=True) is True
    assert house.names == ["west"]
    assert house.registry.status().state == "fresh"


async def test_a_defect_is_logged_and_does_not_end_the_refreshing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Snapshot) -> None:
        raise ZeroDivisionError

    house.registry.on_swap.append(broken)
    assert await house.registry.refresh() is False
    status = house.registry.status()
    assert (status.state, status.error) == ("stale", DEFECT)
    assert "ZeroDivisionError" in caplog.text
    assert await house.registry.refresh() is False
    assert house.registry.status().state == "fresh"


async def test_the_loop_tries_every_two_seconds_while_there_is_nothing_to_serve(house: House) -> None:
    house.tables.available = False
    with pytest.raises(asyncio.CancelledError):
        await house.registry.run()
    assert house.slept == [2.0, 2.0, 2.0]


async def test_while_storage_fails_the_loop_looks_ever_more_seldom_and_at_once_as_often_when_it_is_back() -> None:
    class Long(House):
        async def _sleep(self, seconds: float) -> None:
            self.slept.append(seconds)
            self.tables.available = len(self.slept) > 8
            if len(self.slept) == 10:
                raise asyncio.CancelledError

    house = Long(MemoryTables())
    await house.registry.refresh()
    house.tables.available = False
    with pytest.raises(asyncio.CancelledError):
        await house.registry.run()
    for seconds, most in zip(house.slept, [10, 20, 30, 30, 30, 30, 30, 30, 30, 5.5], strict=True):
        assert most / 2 <= seconds <= most
    assert len(set(house.slept)) == 10


async def test_a_storage_that_answers_and_was_wiped_is_looked_at_as_often_as_ever(house: House) -> None:
    await house.store("east")
    await house.registry.refresh()
    await house.tables.delete("management", "registry", "revision")
    with pytest.raises(asyncio.CancelledError):
        await house.registry.run()
    assert all(4.5 <= seconds <= 5.5 for seconds in house.slept)


async def test_a_failing_refresh_does_not_end_the_loop(house: House) -> None:
    await house.registry.refresh()
    house.tables.available = False
    with pytest.raises(asyncio.CancelledError):
        await house.registry.run()
    assert house.registry.status().state == "stale"
    assert len(house.slept) == 3


async def test_a_defect_that_lasts_is_logged_once(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.storage.refresh.build", broken)
    for _ in range(3):
        assert await house.registry.refresh() is False
    assert caplog.text.count("Traceback") == 1
    assert house.registry.status().state == "empty"
