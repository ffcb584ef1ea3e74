"""Several instances in one process and a real storage: limits hold, and what is unspent comes back."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.errors import QuotaExceeded, StorageUnavailable
from gateway.limits.accounts import Account, Amounts
from gateway.quotas.quotas import Quotas
from gateway.registry.limits import Limit
from gateway.storage.outbox import Outbox
from gateway.storage.quotas import QuotaStore, shard


def utc_now():
    return datetime.now(UTC)


def account(tenant, *limits):
    # Where it is about noon, so that no day ends meanwhile.
    return Account(tenant, "a", "tenant", limits, timezone(timedelta(hours=12 - utc_now().hour)), "tenant 'a'")


@pytest.fixture
async def instance():
    """Makes instances with their background, and ends them."""
    running = []

    def make(tables, **options):
        quotas = Quotas(QuotaStore(tables), utc_now, when_storage_fails="refuse", **options)
        running.append(asyncio.create_task(quotas.run()))
        return quotas

    yield make
    for each in running:
        each.cancel()


class Counting:
    """Counts the operations that pass."""

    def __init__(self, tables):
        self._tables = tables
        self.calls = Counter()

    def __getattr__(self, name):
        self.calls[name] += 1
        return getattr(self._tables, name)


async def test_concurrent_callers_of_four_instances_spend_a_limit_and_no_more(tables, instance, table):
    who = account(table, Limit("requests", "day", 400), Limit("tokens", "day", 20_000))
    instances = [instance(tables) for _ in range(4)]
    spent = 0

    async def caller(quotas):
        nonlocal spent
        while True:
            need = random.randint(10, 100)
            try:
                reservation = await quotas.reserve([who], Amounts(1, need))
            except QuotaExceeded as refusal:
                if refusal.retry_after > 60:
                    return
                await asyncio.sleep(refusal.retry_after)
                continue
            tokens = random.randint(1, need)
            spent += tokens
            await asyncio.sleep(random.uniform(0, 0.02))
            reservation.settle(Amounts(1, tokens))

    async with asyncio.timeout(30):
        await asyncio.gather(*(caller(instances[number % 4]) for number in range(24)))
    for each in instances:
        await each.close()
    requests, tokens = await instances[0].standing(who)
    assert requests.used == 400 or tokens.used > 19_900
    assert tokens.used == spent <= 20_000
    assert requests.held == tokens.held == 0


async def test_a_thousand_calls_take_few_operations_of_storage(tables, instance, table):
    counting = Counting(tables)
    quotas = instance(counting)
    who = account(table, Limit("requests", "minute", 10**6), Limit("tokens", "day", 10**9))
    for _ in range(1000):
        (await quotas.reserve([who], Amounts(1, 500))).settle(Amounts(1, 300))
    await quotas.close()
    print(counting.calls)
    assert sum(counting.calls.values()) <= 20


async def test_events_lie_beside_the_row(tables, instance, table):
    quotas = instance(tables, wanted=lambda: frozenset({"quota.warning", "quota.exceeded"}))
    who = account(table, Limit("tokens", "day", 100))
    (await quotas.reserve([who], Amounts(1, 95))).settle(Amounts(1, 95))
    with pytest.raises(QuotaExceeded):
        await quotas.reserve([who], Amounts(1, 10))
    found = [each.event_type for _, each in await Outbox(tables).read("quotas", shard(table))]
    assert sorted(found) == ["quota.exceeded", "quota.warning"]


async def test_what_is_leased_outlives_storage_and_the_rest_is_503_until_it_is_back(own_azurite, opened, instance):
    quotas = instance(opened(own_azurite.connection))
    who = account("a@1", Limit("tokens", "day", 10**6))
    for _ in range(3):
        (await quotas.reserve([who], Amounts(1, 100))).settle(Amounts(1, 100))
    own_azurite.stop()
    served = 0
    with pytest.raises(StorageUnavailable):
        while True:
            (await quotas.reserve([who], Amounts(1, 100))).settle(Amounts(1, 100))
            served += 1
    assert served >= 1
    own_azurite.start()
    async with asyncio.timeout(10):
        while True:
            try:
                (await quotas.reserve([who], Amounts(1, 100))).settle(Amounts(1, 100))
                break
            except StorageUnavailable as error:
                await asyncio.sleep(error.retry_after / 4)
    await quotas.close()
    [standing] = await quotas.standing(who)
    assert standing.used == (3 + served + 1) * 100
