"""Instances over one memory twin of storage, with a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from gateway.limits.accounts import Account, Amounts
from gateway.quotas.quotas import Quotas
from gateway.registry.limits import Limit
from gateway.storage.memory import MemoryTables
from gateway.storage.quotas import QuotaStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = Amounts(requests=1)


class World:
    def __init__(self):
        self.now = NOON
        self.tables = MemoryTables()
        self.store = QuotaStore(self.tables)
        self.wanted = frozenset()
        self.instances = []
        self.slept = 0.0
        self.meanwhile = None

    def instance(self, when_storage_fails="refuse", store=None, ahead=0):
        made = Quotas(
            store or self.store,
            lambda: self.now + timedelta(seconds=ahead),
            when_storage_fails=when_storage_fails,
            wanted=lambda: self.wanted,
            instance=f"i{len(self.instances)}",
            sleep=self.sleep,
            chance=lambda: 0.5,
        )
        self.instances.append(made)
        return made

    async def sleep(self, seconds):
        self.pass_(seconds)
        self.slept += seconds
        await asyncio.sleep(0)
        if self.meanwhile is not None:
            await self.meanwhile()

    def pass_(self, seconds):
        self.now += timedelta(seconds=seconds)

    def calls(self):
        """How many operations storage has seen since this was asked last."""
        total = sum(self.tables.calls.values())
        self.tables.calls.clear()
        return total

    async def entry(self, name="tokens_day", scope="tenant"):
        return (await self.store.read("a@1", scope)).entries[name]


def account(*limits, scope="tenant", model_id=None):
    return Account("a@1", "a", scope, limits, UTC, "tenant 'a'", model_id)


def tokens(amount, period="day"):
    return Limit("tokens", period, amount)


def requests(amount, period="minute"):
    return Limit("requests", period, amount)


async def spend(quotas, who, need, spent=None):
    """A call from its beginning to its end."""
    reservation = await quotas.reserve([who], need)
    reservation.settle(need if spent is None else spent)
    return reservation
