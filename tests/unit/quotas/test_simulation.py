"""Many callers, a storage that loses answers, callers that leave, instances that die: the limit holds all the same."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import QuotaExceeded, StorageUnavailable
from gateway.limits.accounts import Amounts
from gateway.storage.memory import MemoryTables
from gateway.storage.quotas import QuotaStore
from tests.unit.quotas.world import World, account, tokens

LIMIT = 2000


class Flaky(MemoryTables):
    """Takes its time, and now and then fails before or after it has done what it was asked."""

    def __init__(self, chance, failures):
        super().__init__()
        self._chance = chance
        self.failures = failures

    async def get(self, table, partition, key):
        return await self._flaky(lambda: MemoryTables.get(self, table, partition, key))

    async def create(self, table, row):
        return await self._flaky(lambda: MemoryTables.create(self, table, row))

    async def replace(self, table, row):
        return await self._flaky(lambda: MemoryTables.replace(self, table, row))

    async def _flaky(self, call):
        await self._pause()
        if self._chance.random() < self.failures:
            raise StorageUnavailable("lost on the way there")
        answer = await call()
        await self._pause()
        if self._chance.random() < self.failures:
            raise StorageUnavailable("lost on the way back")
        return answer

    async def _pause(self):
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)


class Simulation:
    def __init__(self, chance, failures, deaths):
        self.chance = chance
        self.deaths = deaths
        self.world = World()
        self.tables = Flaky(chance, failures)
        self.store = QuotaStore(self.tables)
        self.instances = [self.world.instance(store=self.store) for _ in range(3)]
        self.who = account(tokens(LIMIT))
        self.spent = 0

    async def caller(self, number):
        for _ in range(self.chance.randrange(1, 12)):
            try:
                await self.call(self.instances[number % 3])
            except (QuotaExceeded, StorageUnavailable):
                self.world.pass_(self.chance.uniform(0, 0.5))

    async def call(self, quotas):
        need = self.chance.randrange(1, 150)
        task = asyncio.create_task(quotas.reserve([self.who], Amounts(1, need)))
        if self.chance.random() < 0.1:
            for _ in range(self.chance.randrange(12)):
                await asyncio.sleep(0)
            task.cancel()
        try:
            reservation = await task
        except asyncio.CancelledError:
            return
        # Counted at once: what it does, it may have done when its instance dies.
        tokens = self.chance.randrange(need + 1)
        self.spent += tokens
        for _ in range(self.chance.randrange(8)):
            await asyncio.sleep(0)
        reservation.settle(Amounts(1, tokens))

    async def trouble(self):
        for _ in range(30):
            for _ in range(10):
                await asyncio.sleep(0)
            number = self.chance.randrange(3)
            await self.instances[number].tend()
            # Without deaths less than a minute in all, so that nobody is thought dead.
            self.world.pass_(self.chance.choice((0.1, 1, 4, 11) if self.deaths else (0.1, 1, 2)))
            if self.deaths and self.chance.random() < 0.15:
                self.instances[number] = self.world.instance(store=self.store)
                self.world.pass_(self.chance.choice((1, 75)))

    async def run(self):
        await asyncio.gather(*(self.caller(number) for number in range(15)), self.trouble())
        self.tables.failures = 0
        self.world.pass_(2)
        for quotas in self.instances:
            await quotas.close()
        return (await self.store.read("a@1", "tenant")).entries.get("tokens_day")


@given(st.integers(0, 2**32), st.sampled_from([0, 0.05, 0.3]), st.booleans())
def test_whatever_happens_what_is_spent_stays_within_the_limit(seed, failures, deaths):
    simulation = Simulation(random.Random(seed), failures, deaths)
    entry = asyncio.run(simulation.run())
    assert simulation.spent <= LIMIT
    if entry is None:
        assert simulation.spent == 0
    else:
        assert simulation.spent <= entry.taken <= LIMIT
    if entry and not deaths:
        # What lost answers left in doubt was cleared up: nothing is counted twice, and everything came back.
        assert entry.spent == entry.taken == simulation.spent
