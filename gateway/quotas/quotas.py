"""Quotas: what a call takes of its accounts' limits before it runs, so that they hold over all instances."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal

from gateway.asgi import pairs
from gateway.errors import StorageUnavailable
from gateway.limits.accounts import Account, Amounts, Standing
from gateway.limits.holding import Refusal
from gateway.limits.rate_headers import rate_lines
from gateway.quotas.leases import Leases, Means, Take
from gateway.quotas.outage import STORAGE_SECONDS, Outage
from gateway.quotas.quota_events import Wanted
from gateway.quotas.refused import refused
from gateway.quotas.reservation import Reservation
from gateway.storage.quotas import QuotaStore

# How long a call waits in all for other instances to give back what they hold unspent, and how often it looks.
PATIENCE_SECONDS = 2.5
LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.05, 0.4
# How often the background looks at all accounts; and how long it gathers what is in a hurry to go back.
TICK_SECONDS, GATHER_SECONDS = 1.0, 0.03
# Accounts whose rows are written at once.
AT_ONCE = 8
# What is known of an account that nobody asks for is forgotten after so long.
FORGET_SECONDS = 300.0
RETRY_SECONDS = 2.0

SAYING = {
    "refuse": "What is leased is spent; then calls of tenants with limits are refused with 503.",
    "allow": "What is leased is spent; then calls of tenants with limits are allowed, and counted once it is back.",
}


class Quotas:
    """The limits of all accounts, as one instance sees them. Use it in one event loop.

    utc_now: aware, in UTC. when_storage_fails: what becomes of a call for which something must be leased then. wanted:
    the types of events that anyone wants. instance: its name among the holders of leases, never used by another.
    """

    def __init__(
        self,
        store: QuotaStore,
        utc_now: Callable[[], datetime],
        *,
        when_storage_fails: Literal["refuse", "allow"],
        wanted: Wanted = frozenset,
        instance: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._utc_now = utc_now
        self._when_storage_fails = when_storage_fails
        self._sleep = sleep
        self._chance = chance
        self._outage = Outage(utc_now, SAYING[when_storage_fails])
        self._means = Means(store, self._outage, instance or secrets.token_hex(4), utc_now, wanted, sleep, chance)
        self._leases: dict[tuple[str, str], Leases] = {}
        self._hurried: set[Leases] = set()
        self._woken = asyncio.Event()
        self._unlimited = Reservation([], utc_now, self._hurry)

    async def reserve(self, accounts: Sequence[Account], need: Amounts) -> Reservation:
        """Take what a call needs of every limit of every account, or of none.

        Waits for nothing when what is leased suffices. Raises RateLimited (a limit of the minute) or QuotaExceeded (of
        the day, of the month) when it does not fit; StorageUnavailable when more would have to be leased, storage does
        not answer, and this is to be refused.
        """
        takes: list[Take] = []
        try:
            for account in accounts:
                if account.limits:
                    leases = self._of(account)
                    if not leases.take(account, need, self._utc_now(), takes):
                        await self._obtain(leases, account, need, takes)
        except BaseException:
            Reservation(takes, self._utc_now, self._hurry).refund()
            raise
        return Reservation(takes, self._utc_now, self._hurry) if takes else self._unlimited

    async def standing(self, account: Account) -> list[Standing]:
        """How each limit of the account stands; one read of storage. Raises StorageUnavailable."""
        if not account.limits:
            return []
        leases = self._of(account)
        async with leases.lock:
            return await leases.read_standings(account)

    async def run(self) -> None:
        """Return what is idle and renew what is in use, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                await self.tend()
            else:
                await self._sleep(GATHER_SECONDS)
                self._woken.clear()
                hurried, self._hurried = self._hurried, set()
                await self._report(hurried)

    async def tend(self) -> None:
        """Do what is due now."""
        now = self._utc_now()
        for key, leases in list(self._leases.items()):
            if leases.is_idle(now, FORGET_SECONDS):
                del self._leases[key]
        await self._report(self._leases.values())

    async def close(self) -> None:
        """Give back everything that is unspent. Calls that still run keep what they reserved."""
        await self._report(self._leases.values(), closing=True)

    def _of(self, account: Account) -> Leases:
        key = account.tenant, account.scope
        leases = self._leases.get(key)
        if leases is None:
            leases = self._leases[key] = Leases(account, self._means)
        return leases

    def _hurry(self, leases: Leases) -> None:
        self._hurried.add(leases)
        self._woken.set()

    async def _obtain(self, leases: Leases, account: Account, need: Amounts, takes: list[Take]) -> None:
        """Take what is not leased yet; wait a little for what others may give back."""
        waited, look = 0.0, LOOK_SECONDS
        while True:
            refusals = leases.known(account, need, self._utc_now())
            if not refusals:
                try:
                    refusals = await self._lease(leases, account, need, takes)
                except StorageUnavailable as error:
                    self._without_storage(leases, account, need, takes, error)
                    return
            if not refusals:
                return
            if waited >= PATIENCE_SECONDS or any(each.why != "held" for each in refusals):
                break
            pause = min(look, LONGEST_LOOK_SECONDS) * (0.5 + self._chance())
            await self._sleep(pause)
            waited, look = waited + pause, look * 2
        await self._refuse(leases, account, need, refusals, takes)

    async def _lease(self, leases: Leases, account: Account, need: Amounts, takes: list[Take]) -> list[Refusal]:
        """One try to lease what is missing; calls of one account that come together share the write."""
        if self._outage.rests or (self._outage.is_on and leases.lock.locked()):
            raise StorageUnavailable("Storage did not answer a moment ago.")
        for metric in leases.waiting:
            leases.waiting[metric] += getattr(need, metric)
        try:
            async with asyncio.timeout(STORAGE_SECONDS), leases.lock:
                while not leases.take(account, need, self._utc_now(), takes):
                    if self._outage.rests:
                        raise StorageUnavailable("Storage did not answer a moment ago.")
                    if refusals := await leases.grow(need):
                        return refusals
                return []
        except TimeoutError:
            raise self._outage.late() from None
        finally:
            for metric in leases.waiting:
                leases.waiting[metric] -= getattr(need, metric)

    def _without_storage(
        self, leases: Leases, account: Account, need: Amounts, takes: list[Take], error: StorageUnavailable
    ) -> None:
        if self._when_storage_fails == "allow":
            leases.take(account, need, self._utc_now(), takes, beyond=True)
            return
        raise StorageUnavailable(
            f"The limits of {account.label} can't be checked now. {error.message}", retry_after=RETRY_SECONDS
        ) from None

    async def _refuse(
        self, leases: Leases, account: Account, need: Amounts, refusals: list[Refusal], takes: list[Take]
    ) -> None:
        if not (leases.told(refusals) or self._outage.is_on):
            try:
                async with asyncio.timeout(STORAGE_SECONDS), leases.lock:
                    await leases.tell(refusals)
            except (StorageUnavailable, TimeoutError):
                # The next refusal tells it.
                pass
        now = self._utc_now()
        lines = rate_lines([*(slots for _, slots, _ in takes), leases.slots], now)
        raise refused(account, refusals, need, now, self._chance(), pairs(lines))

    async def _report(self, accounts: Iterable[Leases], *, closing: bool = False) -> None:
        """Write the rows that are due (closing: all); what storage does not take is written when it is back."""
        now = self._utc_now()
        several = asyncio.Semaphore(AT_ONCE)

        async def report(leases: Leases) -> None:
            async with several:
                if self._outage.rests:
                    return
                try:
                    async with asyncio.timeout(STORAGE_SECONDS), leases.lock:
                        await leases.report(closing=closing)
                except TimeoutError:
                    self._outage.late()
                except StorageUnavailable:
                    # Said in the log by the outage.
                    pass

        await asyncio.gather(*(report(each) for each in list(accounts) if closing or each.is_due(now)))
