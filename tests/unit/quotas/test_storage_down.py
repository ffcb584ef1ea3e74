"""Storage that is down, slow, or of whose writes nobody knows what became."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.asgi import pairs
from gateway.errors import StorageUnavailable
from gateway.limits.accounts import Amounts
from gateway.storage.memory import MemoryTables
from gateway.storage.quotas import QuotaStore
from tests.unit.quotas.world import account, spend, tokens

WHO = account(tokens(10**6))


async def lease_a_little(quotas):
    for _ in range(2):
        await spend(quotas, WHO, Amounts(1, 100))


async def test_what_is_leased_is_spent_then_calls_are_refused_as_503(world):
    quotas = world.instance()
    await lease_a_little(quotas)
    world.tables.available = False
    served = 0
    with pytest.raises(StorageUnavailable) as refused:
        while True:
            await spend(quotas, WHO, Amounts(1, 100))
            served += 1
    assert served == 9
    assert (refused.value.status, refused.value.retry_after) == (503, 2.0)
    assert "limits of tenant 'a' can't be checked" in refused.value.message
    world.tables.available = True
    world.pass_(1)
    await spend(quotas, WHO, Amounts(1, 100))
    await quotas.close()
    assert (await world.entry()).spent == 1200


async def test_what_is_allowed_meanwhile_is_counted_and_reported_afterwards(world):
    quotas = world.instance("allow")
    world.tables.available = False
    for _ in range(20):
        await spend(quotas, WHO, Amounts(1, 100))
    reservation = await quotas.reserve([WHO], Amounts(1, 100))
    assert dict(pairs(reservation.lines()))[b"x-ratelimit-remaining-tokens"] == b"997900"
    await quotas.tend()
    world.tables.available = True
    world.pass_(11)
    await quotas.tend()
    assert (await world.entry()).spent == 2000
    reservation.settle(Amounts(1, 50))
    world.pass_(11)
    await quotas.tend()
    assert (await world.entry()).taken == 2050


async def test_an_outage_is_said_once_and_its_end_too(world, caplog):
    caplog.set_level(logging.INFO)
    quotas = world.instance()
    for _ in range(2):
        caplog.clear()
        world.tables.available = False
        for _ in range(5):
            world.pass_(2)
            with pytest.raises(StorageUnavailable):
                await quotas.reserve([WHO], Amounts(1, 10**5))
        assert [(each.levelname, "503" in each.message) for each in caplog.records] == [("WARNING", True)]
        caplog.clear()
        world.tables.available = True
        world.pass_(2)
        await quotas.standing(WHO)
        assert [each.levelname for each in caplog.records] == ["INFO"]


async def test_storage_that_failed_is_not_asked_again_for_a_second(world):
    quotas = world.instance()
    world.tables.available = False
    for _ in range(10):
        with pytest.raises(StorageUnavailable):
            await quotas.reserve([WHO], Amounts(1, 1))
    assert world.calls() == 1


async def test_callers_that_wait_for_the_one_that_asks_are_told_too(world):
    quotas = world.instance()
    world.tables.available = False
    answers = await asyncio.gather(*(quotas.reserve([WHO], Amounts(1, 1)) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(each, StorageUnavailable) for each in answers)
    assert world.calls() == 1


class Stuck(MemoryTables):
    """Its writes arrive, and their answers don't."""

    stuck = True

    async def get(self, table, partition, key):
        answer = await super().get(table, partition, key)
        if self.stuck is True:
            await asyncio.Event().wait()
        return answer

    async def create(self, table, row):
        return await self._answer(await super().create(table, row))

    async def replace(self, table, row):
        return await self._answer(await super().replace(table, row))

    async def _answer(self, answer):
        if self.stuck:
            await asyncio.Event().wait()
        return answer


async def test_a_slow_storage_does_not_hang_calls(world, monkeypatch):
    monkeypatch.setattr("gateway.quotas.outage.STORAGE_SECONDS", 0.01)
    tables = Stuck()
    quotas = world.instance(store=QuotaStore(tables))
    waiting = [asyncio.create_task(quotas.reserve([WHO], Amounts(1, 1))) for _ in range(5)]
    for each in waiting:
        with pytest.raises(StorageUnavailable, match="did not answer"):
            await each
    assert sum(tables.calls.values()) == 1


async def test_a_call_waits_for_the_lock_no_longer_than_for_storage(world, monkeypatch):
    monkeypatch.setattr("gateway.quotas.quotas.STORAGE_SECONDS", 0.01)
    quotas = world.instance(store=QuotaStore(Stuck()))
    with pytest.raises(StorageUnavailable, match="in time"):
        await quotas.reserve([WHO], Amounts(1, 1))
    world.pass_(2)
    quotas._of(WHO)._holdings["tokens_day"].unreported = 5
    world.pass_(20)
    await quotas.tend()
    with pytest.raises(StorageUnavailable):
        await quotas.reserve([WHO], Amounts(1, 1))


async def test_a_write_whose_answer_is_lost_is_counted_once(world, monkeypatch):
    monkeypatch.setattr("gateway.quotas.outage.STORAGE_SECONDS", 0.01)
    tables = Stuck()
    store = QuotaStore(tables)
    quotas = world.instance(store=store)
    tables.stuck = False
    await spend(quotas, WHO, Amounts(1, 100))
    tables.stuck = "writes"
    with pytest.raises(StorageUnavailable):
        await spend(quotas, WHO, Amounts(1, 200))
    assert (await store.read("a@1", "tenant")).entries["tokens_day"].spent == 100
    tables.stuck = False
    world.pass_(2)
    await spend(quotas, WHO, Amounts(1, 200))
    await quotas.close()
    entry = (await store.read("a@1", "tenant")).entries["tokens_day"]
    assert (entry.spent, entry.taken) == (300, 300)


async def test_a_caller_that_leaves_while_storage_is_asked_leaves_nothing_reserved(world):
    tables = Stuck()
    quotas = world.instance(store=QuotaStore(tables))
    tenant, model = account(), account(tokens(1000), scope="model:m")
    tables.stuck = False
    await spend(quotas, WHO, Amounts(1, 100))
    tables.stuck = True
    call = asyncio.create_task(quotas.reserve([tenant, WHO, model], Amounts(1, 50)))
    for _ in range(5):
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    tables.stuck = False
    assert [each.used for each in await quotas.standing(WHO)] == [100]


async def test_the_background_asks_storage_that_is_down_once_a_second(world):
    quotas = world.instance()
    await lease_a_little(quotas)
    world.tables.available = False
    world.pass_(11)
    world.calls()
    for _ in range(3):
        await quotas.tend()
    assert world.calls() == 1
    await quotas.close()
    world.tables.available = True
    world.pass_(2)
    await quotas.close()
    assert (await world.entry()).taken == 200
