"""A holding: what one instance holds of one limit in one window, and how much more it should lease."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gateway.limits.accounts import Standing
from gateway.limits.ledger import Entry, Lease
from gateway.limits.windows import Window
from gateway.registry.limits import Limit

# How many seconds of its own rate an instance leases, and how soon it gives back what is left of it.
FAR_SECONDS, NEAR_SECONDS = 10, 1
# More than any limit: what is held was leased under none that is known.
UNKNOWN = 2**63
# A limit is near when less than this share of it, or less than so many calls like this one, are left.
NEAR_SHARE, NEAR_CALLS = 10, 8


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call does not fit: it would never (`never`), not before the window ends (`spent`), once calls that run have
    settled (`running`), or once other instances give back what they hold (`held`)."""

    limit: Limit
    window: Window
    why: Literal["never", "spent", "running", "held"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A write on its way: the entry as it would be; the lease it asks for and what it reports; the lease before it."""

    entry: Entry
    limit: Limit
    until: int
    amount: int
    spent: int
    before: int
    booked: bool


@dataclass(slots=True)
class Holding:
    """leased: as storage has it. reserved: by calls that run. unreported: spent, and not yet told to storage.

    credit: what storage already counts as spent though it is not, because the lease was booked as spent. It is used up
    first. attempts: what was reported by writes whose fate is unknown, by their lease's `until`. amount: the limit it
    was leased under. spent: by all. held, in_flight, holders: the other instances' leases, as storage had them last.
    exceeded: whether the event is stored. written: when storage was told last, in seconds since the epoch. patience:
    how many seconds later what is left goes back; 0 at once. taken, since, rate: how fast calls reserve.
    """

    window: Window
    leased: int = 0
    reserved: int = 0
    unreported: int = 0
    credit: int = 0
    attempts: dict[int, int] = field(default_factory=dict)
    amount: int = UNKNOWN
    spent: int = 0
    held: int = 0
    in_flight: int = 0
    holders: int = 0
    exceeded: bool = False
    written: float = 0.0
    patience: float = FAR_SECONDS
    taken: int = 0
    since: float = 0.0
    rate: float = 0.0

    @property
    def free(self) -> int:
        """What can be spent from memory. Below zero: spent or admitted beyond the lease."""
        return self.leased + self.credit - self.reserved - self.unreported

    def next(self, window: Window) -> Holding:
        """The holding of another window; it begins at this one's pace."""
        return Holding(window, rate=self.rate, since=self.since, taken=self.taken)

    def learn(self, entry: Entry, instance: str) -> None:
        """Take over what storage says; whose lease is gone from there has spent it, so far as storage is concerned."""
        lease = entry.leases.get(instance)
        if lease is None:
            self.credit += self.leased
            self.leased = 0
        else:
            self.leased = lease.amount
            self.unreported -= self.attempts.pop(lease.until, 0)
        told = min(self.credit, self.unreported)
        self.credit -= told
        self.unreported -= told
        self.spent = entry.spent
        self.exceeded = entry.exceeded
        self.held, self.in_flight, self.holders = entry.without(instance)

    def left(self, limit: Limit) -> int:
        """The most that could be free here; below zero when more is spent than the limit allows."""
        outside = limit.amount - self.spent - self.held - self.in_flight
        left = outside + self.credit - self.unreported - self.reserved
        return max(left, self.credit - self.reserved) if self.credit > self.reserved else left

    def used(self) -> int:
        """Spent by all, or reserved by calls that run."""
        return self.spent - self.credit + self.unreported + self.reserved + self.in_flight

    def remaining(self, limit: Limit) -> int:
        """That of its standing, for those who need no more of it."""
        # `used`, without the call: every answer tells it.
        used = self.spent - self.credit + self.unreported + self.reserved + self.in_flight
        left = limit.amount - used - self.held
        return left if left > 0 else 0

    def standing(self, limit: Limit) -> Standing:
        """How the limit stands, as far as this instance knows."""
        return Standing(limit, self.window, self.used(), self.held)

    def is_spent(self, limit: Limit, need: int) -> bool:
        """Whether nothing that can be given back would make the call fit."""
        return self.spent - self.credit + self.unreported + need > limit.amount

    def refusal(self, limit: Limit, need: int) -> Refusal | None:
        """Why so much more can't be had; None when it can."""
        missing = need - self.left(limit)
        if missing <= 0:
            return None
        if need > limit.amount:
            return Refusal(limit, self.window, "never")
        if self.is_spent(limit, need):
            return Refusal(limit, self.window, "spent")
        if missing <= self.held:
            return Refusal(limit, self.window, "held")
        return Refusal(limit, self.window, "spent" if limit.metric == "requests" else "running")

    def block(self, limit: Limit, need: int, waiting: int, now: float) -> int:
        """How much should be free after the next write: `need` at least, where `refusal` is None.

        waiting: what all calls that wait for this write need, this one included. Sets how soon the rest goes back.
        """
        left = self.left(limit)
        demand = waiting if waiting <= left else need
        fair = left // (2 * (self.holders + 1))
        pace = self.pace(now)
        if pace * FAR_SECONDS <= fair and left - demand >= max(limit.amount // NEAR_SHARE, NEAR_CALLS * need):
            self.patience = FAR_SECONDS
            return max(demand, int(pace * FAR_SECONDS))
        block = min(int(pace * NEAR_SECONDS), fair)
        # A block of a single call's size is for that call alone: what it does not spend goes back at once.
        self.patience = NEAR_SECONDS if block > demand else 0
        return max(demand, block)

    def kept(self, limit: Limit, now: float) -> int:
        """How much of what is free should stay so when all else goes back: nothing where each call leases its own."""
        return min(self.free, self.block(limit, 0, 0, now)) if self.patience else 0

    def propose(self, limit: Limit, entry: Entry, instance: str, free: int, running: int, until: int) -> Proposal:
        """Report what was spent, and ask for a lease with which so much would be free, `running` of it not for long.

        Until it is known what became of it, only so much can be spent from memory as is leased both before and after.
        One of `accept` and `withdraw` is to follow; or none when its fate is unknown, and then `learn` finds it out.
        """
        spent = self.unreported
        amount = max(0, self.reserved + max(0, min(free, self.left(limit))) - self.credit)
        lease = Lease(amount, until, min(amount, self.reserved + running))
        proposed = entry.with_lease(instance, lease, spent)
        proposal = Proposal(proposed, limit, until, amount, spent, self.leased, instance not in proposed.leases)
        self.attempts[until] = spent
        self.leased = min(self.leased, amount + spent)
        return proposal

    def accept(self, proposal: Proposal, now: float) -> None:
        """The write was made."""
        self.attempts.clear()
        self.unreported -= proposal.spent
        self.leased = 0 if proposal.booked else proposal.amount
        self.credit += proposal.amount if proposal.booked else 0
        self.spent, self.exceeded = proposal.entry.spent, proposal.entry.exceeded
        self.amount, self.written = proposal.limit.amount, now

    def withdraw(self, proposal: Proposal) -> None:
        """The write was not made, for another was first."""
        self.leased = proposal.before
        del self.attempts[proposal.until]

    def pace(self, now: float) -> float:
        """What calls reserve in a second; over the time since it was last asked after a second or more."""
        elapsed = now - self.since
        if elapsed < 1:
            return max(self.rate, self.taken)
        self.rate = self.taken / elapsed
        self.taken, self.since = 0, now
        return self.rate

    def is_due(self, now: datetime) -> bool:
        """Whether something has to be told to storage: what was spent or is idle, or that it is still needed."""
        if self.window.end <= now or not (self.leased or self.unreported):
            return False
        waited = now.timestamp() - self.written
        if self.free > 0 and waited >= self.patience:
            return True
        return waited >= FAR_SECONDS or (self.unreported > 0 and waited >= max(self.patience, NEAR_SECONDS))
