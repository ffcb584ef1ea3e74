"""The registry: loaded whole, kept in step at one read, shared by all who ask at once."""

from __future__ import annotations

import asyncio

import pytest

from gateway.registry.snapshot import Snapshot
from gateway.registry.tenant_models import TenantModel
from gateway.storage import revision, tokens
from gateway.storage.id_secret import id_secret
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.tenant_models import TenantModelStore
from gateway.storage.tokens import first_management_token
from tests.builders import EPOCH, api_key, tenant
from tests.unit.storage.changes import CHAT
from tests.unit.storage.house import House


async def test_before_the_first_refresh_it_is_empty(house: House) -> None:
    status = house.registry.status()
    assert house.registry.snapshot is None
    assert (status.state, status.loaded_at, status.checked_at, status.stale_since, status.error) == (
        "empty",
        None,
        None,
        None,
        None,
    )


async def test_the_first_refresh_loads_all_that_is_stored(house: House) -> None:
    await house.store("east")
    await house.tenants.create(tenant())
    await house.tenants.create_key(api_key())
    assert await house.registry.refresh() is True
    assert house.swapped == [house.registry.snapshot]
    assert house.names == ["east"]
    assert list(house.swapped[0].callers) == ["local0"]
    status = house.registry.status()
    assert (status.state, status.loaded_at, status.checked_at) == ("fresh", house.now, house.now)


async def test_tenant_models_are_served_with_their_tenant(house: House) -> None:
    await house.tenants.create(tenant())
    await house.tenants.create_key(api_key())
    model = TenantModel(
        tenant_id="local", model_id="uuid", provider="openai", name="gpt", created_at=EPOCH, updated_at=EPOCH
    )
    await TenantModelStore(house.tables).create(model)
    await house.registry.refresh()
    assert house.swapped[0].callers["local0"].models.all == (model,)
    assert house.swapped[0].closed is False


async def test_an_empty_storage_is_a_fresh_and_empty_registry(house: House) -> None:
    assert await house.registry.refresh() is True
    assert house.registry.snapshot == Snapshot(id_secret=await id_secret(house.tables))
    assert house.registry.status().state == "fresh"


async def test_while_nothing_changed_a_refresh_is_one_point_read(house: House) -> None:
    await house.store("east")
    await house.registry.refresh()
    loaded = house.now
    house.tables.calls.clear()
    for _ in range(10):
        now = house.pass_time(5)
        assert await house.registry.refresh() is False
    assert house.tables.calls == {"get": 10}
    assert len(house.swapped) == 1
    assert (house.registry.status().loaded_at, house.registry.status().checked_at) == (loaded, now)


async def test_a_write_of_another_instance_is_seen_by_the_next_refresh(house: House) -> None:
    await house.registry.refresh()
    await House(house.tables).store("east")
    assert await house.registry.refresh() is True
    assert house.names == ["east"]


async def test_a_touch_without_a_change_swaps_nothing(house: House) -> None:
    await house.store("east")
    await house.registry.refresh()
    await revision.touch(house.tables)
    assert await house.registry.refresh() is False
    assert len(house.swapped) == 1


async def test_a_row_edited_by_hand_is_seen_within_five_minutes(house: House) -> None:
    await house.store("east")
    await house.registry.refresh()
    row = await house.tables.get("configuration", CHAT, "east")
    assert row is not None
    await house.tables.put("configuration", Row(CHAT, "byhand", {"DeploymentName": "gpt"}))
    house.pass_time(239)
    assert await house.registry.refresh() is False
    house.pass_time(61)
    assert await house.registry.refresh() is True
    assert house.names == ["byhand", "east"]


async def test_instances_that_read_together_after_a_write_read_apart_when_nothing_changed(house: House) -> None:
    houses = [House(house.tables) for _ in range(50)]
    for each in houses:
        await each.registry.refresh()
    reads = []
    for second in range(240, 301):
        house.tables.calls.clear()
        for each in houses:
            each.now = each.now.replace(minute=second // 60, second=second % 60)
            await each.registry.refresh()
        # Four lists; the fifth is for webhooks, which these have none of.
        reads.append(house.tables.calls["list"] // 4)
    assert sum(reads) == 50
    assert max(reads) < 15


async def test_a_forced_refresh_reads_the_rows_whatever_the_marker_says(house: House) -> None:
    await house.registry.refresh()
    await house.tables.put("configuration", Row(CHAT, "byhand", {"DeploymentName": "gpt"}))
    assert await house.registry.refresh(force=True) is True
    assert house.names == ["byhand"]


async def test_a_write_between_marker_and_rows_is_read_again_by_the_next_refresh(house: House) -> None:
    class Racing(MemoryTables):
        async def list(self, table: str, partition: str | None = None) -> list[Row]:
            rows = await super().list(table, partition)
            if table == "configuration" and self.calls["list"] == 1:
                await House(self).store("late")
            return rows

    racing = House(Racing())
    await racing.registry.refresh()
    assert racing.names == []
    assert await racing.registry.refresh() is True
    assert racing.names == ["late"]


async def test_concurrent_callers_share_one_refresh(house: House) -> None:
    await house.store("east")
    house.tables.calls.clear()
    assert await asyncio.gather(*(house.registry.refresh() for _ in range(10))) == [True] * 10
    # The marker, and the secret of the ids.
    assert house.tables.calls["get"] == 2
    assert len(house.swapped) == 1


async def test_a_forced_refresh_never_shares_one_that_read_before_its_write() -> None:
    class Slow(MemoryTables):
        async def list(self, table: str, partition: str | None = None) -> list[Row]:
            rows = await super().list(table, partition)
            await gate.wait()
            return rows

    gate = asyncio.Event()
    house = House(Slow())
    running = asyncio.ensure_future(house.registry.refresh())
    while not house.tables.calls["list"]:
        await asyncio.sleep(0)
    await house.store("mine")
    forced = [asyncio.ensure_future(house.registry.refresh(force=True)) for _ in range(5)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(running, *forced) == [True] * 6
    assert [len(snapshot.deployments) for snapshot in house.swapped] == [0, 1]


async def test_a_caller_that_is_cancelled_does_not_leave_the_others_without_a_refresh(house: House) -> None:
    first = asyncio.ensure_future(house.registry.refresh())
    others = [asyncio.ensure_future(house.registry.refresh()) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == [True] * 3
    assert first.cancelled()


async def test_the_first_contact_makes_the_first_management_token_once(house: House) -> None:
    house.tables.available = False
    await house.registry.refresh()
    house.tables.available = True
    await house.registry.refresh()
    assert await first_management_token(house.tables) is not None
    house.tables.calls.clear()
    await house.registry.refresh()
    assert house.tables.calls == {"get": 1}


async def test_the_snapshot_serves_before_the_token_is_made(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ensure(tables: MemoryTables) -> None:
        await house.registry.ready(0)
        served.append(house.registry.snapshot)

    served: list[Snapshot | None] = []
    monkeypatch.setattr(tokens, "ensure_management_token", ensure)
    await house.registry.refresh()
    assert served == [Snapshot(id_secret=await id_secret(house.tables))]


async def test_a_token_that_can_not_be_made_yet_is_made_later_and_stales_nothing(house: House) -> None:
    class Listing(MemoryTables):
        async def list(self, table: str, partition: str | None = None) -> list[Row]:
            self.available = partition is None or self.calls["list"] > 2
            return await super().list(table, partition)

    tables = Listing()
    house = House(tables)
    assert await house.registry.refresh() is True
    assert house.registry.status().state == "fresh"
    tables.available = True
    await house.registry.refresh()
    assert await first_management_token(tables) is not None


async def test_no_token_is_ever_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await house.registry.refresh()
    token = await first_management_token(house.tables)
    assert token is not None
    assert "the first management token was made" in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize("available", [True, False])
async def test_ready_returns_when_the_first_refresh_has_loaded_or_failed(house: House, available: bool) -> None:
    house.tables.available = available
    waiting = asyncio.ensure_future(house.registry.ready(60))
    await asyncio.sleep(0)
    assert not waiting.done()
    await house.registry.refresh()
    await waiting


async def test_ready_returns_when_its_time_is_up(house: House) -> None:
    await house.registry.ready(0)
    assert house.registry.snapshot is None


async def test_the_loop_refreshes_about_as_often_as_it_is_told(house: House) -> None:
    with pytest.raises(asyncio.CancelledError):
        await house.registry.run()
    assert len(house.slept) == 3
    assert all(4.5 <= seconds <= 5.5 for seconds in house.slept)
    assert len(set(house.slept)) == 3
