"""What one instance has leased of one account: spent from memory, kept in step with the account's row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.limits.accounts import Account, Amounts, Standing
from gateway.limits.holding import FAR_SECONDS, Holding, Proposal, Refusal
from gateway.limits.ledger import Entry, current
from gateway.limits.windows import window
from gateway.quotas.outage import Outage
from gateway.quotas.quota_events import EXCEEDED, WARNING, Wanted, is_mostly_used, quota_event
from gateway.registry.limits import Limit
from gateway.storage.outbox import Event
from gateway.storage.quotas import QuotaStore, Stored
from gateway.storage.rows import RowChanged, RowExists

# How long a row that was read is good enough to refuse a call by.
FRESH_SECONDS = 0.1
# A writer that lost steps aside for so long at most, longer with every loss.
PAUSE_SECONDS, MOST_PAUSES = 0.01, 10


@dataclass(frozen=True, slots=True)
class Means:
    """What all accounts of an instance share. instance: its name among the holders, at most 16 characters."""

    store: QuotaStore
    outage: Outage
    instance: str
    utc_now: Callable[[], datetime]
    wanted: Wanted
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]


class Leases:
    """State of one process and account. All that awaits is to be called with `lock` held."""

    def __init__(self, account: Account, means: Means) -> None:
        self.account = account
        self.lock = asyncio.Lock()
        # What the calls need that wait for the lock or for the write they share, by metric.
        self.waiting = {"requests": 0, "tokens": 0, "cost": 0}
        self._means = means
        self._holdings: dict[str, Holding] = {}
        self.slots: Slots = ()
        self._stored: Stored | None = None
        self._entries: dict[str, Entry] = {}
        self._read_at = 0.0
        self._until = 0
        self._arrange(account, means.utc_now())

    def take(self, account: Account, need: Amounts, now: datetime, taken: list[Take], *, beyond: bool = False) -> bool:
        """Reserve what is needed of every limit, or nothing. beyond: whether it is leased or not."""
        if account.limits is not self.account.limits and account.limits != self.account.limits:
            self._arrange(account, now)
        if not beyond:
            for limit, holding in self.slots:
                # `holding.free`, without the call: this is all that most calls do here.
                free = holding.leased + holding.credit - holding.reserved - holding.unreported
                if free < getattr(need, limit.metric) or holding.window.end <= now or holding.amount > limit.amount:
                    return False
        for limit, holding in self.slots:
            amount = getattr(need, limit.metric)
            holding.reserved += amount
            holding.taken += amount
        taken.append((self, self.slots, need))
        return True

    def known(self, account: Account, need: Amounts, now: datetime) -> list[Refusal]:
        """The refusals that need no look at storage: what never fits, and what was seen to be spent."""
        self._arrange(account, now)
        refusals = []
        for limit, holding in self.slots:
            asked = getattr(need, limit.metric)
            if asked > limit.amount:
                refusals.append(Refusal(limit, holding.window, "never"))
            elif holding.is_spent(limit, asked) and holding.free < asked:
                refusals.append(Refusal(limit, holding.window, "spent"))
        return refusals

    async def grow(self, need: Amounts) -> list[Refusal]:
        """Lease what is missing for a call, and for those that wait with it; or say what it does not fit into."""
        pauses = 0
        while True:
            await self._look()
            now = self._learn()
            asked = [(limit, holding, getattr(need, limit.metric)) for limit, holding in self.slots]
            refusals = [each for each in (holding.refusal(limit, most) for limit, holding, most in asked) if each]
            if refusals:
                if now - self._read_at < FRESH_SECONDS:
                    return refusals
                self._stored = None
                continue
            keep, running = {}, {}
            for limit, holding, most in asked:
                waiting = self.waiting[limit.metric]
                keep[limit.name] = holding.block(limit, most, waiting, now)
                running[limit.name] = min(keep[limit.name], waiting)
            if await self._write(keep, running):
                return []
            pauses = await self._pause(pauses)

    async def report(self, *, closing: bool = False) -> None:
        """Tell storage what was spent, give back what is idle (closing: all that is unspent), keep what is in use."""
        pauses = 0
        while True:
            await self._look()
            now = self._learn()
            keep = {limit.name: 0 if closing else holding.kept(limit, now) for limit, holding in self.slots}
            if await self._write(keep, {}):
                return
            pauses = await self._pause(pauses)

    async def tell(self, refusals: Collection[Refusal]) -> None:
        """Store the event of each limit that refuses for the first time in its window."""
        pauses = 0
        while True:
            await self._look()
            self._learn()
            names = {each.limit.name for each in refusals if each.why != "never"}
            if all(self._entries[name].exceeded for name in names & self._entries.keys()):
                return
            keep = {limit.name: holding.free for limit, holding in self.slots}
            if await self._write(keep, {}, exceeded=names):
                return
            pauses = await self._pause(pauses)

    def standings(self) -> list[Standing]:
        """How each limit stands, as far as is known here."""
        return [holding.standing(limit) for limit, holding in self.slots]

    async def read_standings(self, account: Account) -> list[Standing]:
        """How each limit stands, by one read."""
        self._arrange(account, self._means.utc_now())
        self._stored = None
        await self._look()
        self._learn()
        return self.standings()

    def told(self, refusals: Collection[Refusal]) -> bool:
        """Whether there is nothing to `tell` of these."""
        if EXCEEDED not in self._means.wanted():
            return True
        return all(each.why == "never" or self._holdings[each.limit.name].exceeded for each in refusals)

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to `report`."""
        return any(holding.is_due(now) for _, holding in self.slots)

    def is_idle(self, now: datetime, seconds: float) -> bool:
        """Whether nothing is held, nobody waits, and nothing was written for so long."""
        if self.lock.locked() or any(self.waiting.values()):
            return False
        oldest = now.timestamp() - seconds
        return all(
            not (each.reserved or (each.window.end > now and (each.leased or each.unreported)))
            and each.written < oldest
            for each in self._holdings.values()
        )

    def _arrange(self, account: Account, now: datetime) -> None:
        """A holding of the running window for each limit; calls that run settle with the one they reserved from."""
        self.account = account
        slots = []
        for limit in account.limits:
            held = self._holdings.get(limit.name)
            if held is None or held.window.end <= now:
                here = window(limit.period, now, account.zone)
                held = self._holdings[limit.name] = held.next(here) if held else Holding(here, written=now.timestamp())
            slots.append((limit, held))
        self.slots = tuple(slots)

    async def _look(self) -> None:
        """Read the row, unless the version that is known can be written over."""
        if self._stored is None:
            self._stored = await self._means.outage.ask(self._means.store.read(self.account.tenant, self.account.scope))
            self._read_at = self._means.utc_now().timestamp()

    def _learn(self) -> float:
        """Bring the holdings up to what is stored; answers the time, in seconds since the epoch."""
        assert self._stored is not None
        now = self._means.utc_now()
        self._arrange(self.account, now)
        self._entries = {}
        for limit, held in self.slots:
            stored = self._stored.entries.get(limit.name)
            entry, here = current(stored, limit, now, self.account.zone, self._means.instance)
            if held.window.key != here.key:
                held = self._holdings[limit.name] = held.next(here)
            held.learn(entry, self._means.instance)
            self._entries[limit.name] = entry
        self.slots = tuple((limit, self._holdings[limit.name]) for limit, _ in self.slots)
        return now.timestamp()

    async def _write(self, keep: dict[str, int], running: dict[str, int], exceeded: Collection[str] = ()) -> bool:
        """Store what was spent and how much is to be free, by limit; whether nobody else was first.

        running: the part of it that calls will reserve as soon as it is there. When the write fails in any other way
        its fate is unknown; the row is read again before the next.
        """
        assert self._stored is not None
        means, now = self._means, self._means.utc_now()
        self._until = until = max(self._until + 1, int(now.timestamp() * 1000) + FAR_SECONDS * 1000)
        entries = dict(self._stored.entries)
        events: list[Event] = []
        sent: list[tuple[Holding, Proposal]] = []
        for limit, holding in self.slots:
            name = limit.name
            proposal = holding.propose(
                limit, self._entries[name], means.instance, keep[name], running.get(name, 0), until
            )
            entry, told = self._tell(limit, proposal.entry, name in exceeded, now)
            events += told
            entries[name] = entry
            sent.append((holding, replace(proposal, entry=entry)))
        version, self._stored = self._stored, None
        write = means.store.write(self.account.tenant, self.account.scope, version, entries, events)
        try:
            self._stored = await means.outage.ask(write)
        except (RowChanged, RowExists):
            for holding, proposal in sent:
                holding.withdraw(proposal)
            return False
        self._read_at = now.timestamp()
        for holding, proposal in sent:
            holding.accept(proposal, self._read_at)
        return True

    def _tell(self, limit: Limit, entry: Entry, exceeded: bool, now: datetime) -> tuple[Entry, list[Event]]:
        """The entry with what is now told of it, and the events that tell it."""
        wanted, events = self._means.wanted(), []
        if WARNING in wanted and not entry.warned and is_mostly_used(limit, entry):
            entry = replace(entry, warned=True)
            events.append(quota_event(WARNING, self.account, limit, entry.used, now))
        if EXCEEDED in wanted and not entry.exceeded and exceeded:
            entry = replace(entry, exceeded=True)
            events.append(quota_event(EXCEEDED, self.account, limit, entry.used, now))
        return entry, events

    async def _pause(self, pauses: int) -> int:
        """Step aside for a random moment, so that two writers don't stay in step."""
        await self._means.sleep(PAUSE_SECONDS * min(pauses + 1, MOST_PAUSES) * self._means.chance())
        return pauses + 1


# Each limit with what is held of it in one window. A call keeps those that it took from.
Slots = tuple[tuple[Limit, Holding], ...]
# What a call took: of whose leases, of which of their slots, how much of each.
Take = tuple[Leases, Slots, Amounts]
