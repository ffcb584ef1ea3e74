"""The ledger: what is spent of a limit in its window, and what instances hold of it, as all of them see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo

from gateway.limits.windows import Window, window
from gateway.registry.limits import Limit

# A holder that has not been heard of for so long after its lease ran out has died: the lease counts as spent.
GRACE_MS = 60_000
# So that nine limits of an account fit into one column of 32,768 characters.
MOST_HOLDERS = 40
# How much an instance's clock may be ahead of another's.
SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Lease:
    """What an instance may spend without asking. until: milliseconds since the epoch; it also names the write that made
    the lease, for an instance never uses one twice. in_flight: the part reserved by calls that run."""

    amount: int
    until: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One limit in one window. warned, exceeded: whether the event of that name has been stored."""

    window: str
    spent: int = 0
    leases: Mapping[str, Lease] = field(default_factory=dict)
    warned: bool = False
    exceeded: bool = False

    @property
    def taken(self) -> int:
        """Spent or leased. A lease never takes this past the limit; what a call spent beyond its reservation may."""
        return self.spent + sum(lease.amount for lease in self.leases.values())

    @property
    def used(self) -> int:
        """Spent, or reserved by calls that were running when their instance wrote last."""
        return self.spent + sum(lease.in_flight for lease in self.leases.values())

    def without(self, instance: str) -> tuple[int, int, int]:
        """What the others hold: unspent, in flight; and how many they are."""
        others = [lease for holder, lease in self.leases.items() if holder != instance and lease.amount]
        in_flight = sum(lease.in_flight for lease in others)
        return sum(lease.amount for lease in others) - in_flight, in_flight, len(others)

    def with_lease(self, instance: str, lease: Lease, spent: int) -> Entry:
        """An instance reports what it spent since its last write, and changes its lease.

        A lease of nothing stays for a while, to tell its holder that the write arrived. When there are too many holders
        the newcomer gets no lease: what it takes is booked as spent (and it finds itself without a lease, as one whose
        lease was booked).
        """
        leases = dict(self.leases)
        if instance not in leases and len(leases) >= MOST_HOLDERS:
            leases = {holder: each for holder, each in leases.items() if each.amount}
        if instance not in leases and len(leases) >= MOST_HOLDERS:
            return replace(self, spent=self.spent + spent + lease.amount, leases=leases)
        return replace(self, spent=self.spent + spent, leases={**leases, instance: lease})


def current(stored: Entry | None, limit: Limit, now: datetime, zone: tzinfo, instance: str) -> tuple[Entry, Window]:
    """A limit's entry in the window that counts now, which begins with nothing spent, and that window.

    Leases of the dead are moved to spent; never the asker's own. Where another instance's clock is ahead and has begun
    the next window, that one counts.
    """
    here = window(limit.period, now, zone)
    if stored is None or stored.window < here.key:
        return Entry(here.key), here
    if stored.window > here.key:
        here = window(limit.period, now + SKEW, zone)
        if stored.window != here.key:
            return Entry(here.key), here
    dead = now.timestamp() * 1000 - GRACE_MS
    buried = {holder for holder, lease in stored.leases.items() if lease.until < dead and holder != instance}
    if not buried:
        return stored, here
    lost = sum(stored.leases[holder].amount for holder in buried)
    left = {holder: lease for holder, lease in stored.leases.items() if holder not in buried}
    return replace(stored, spent=stored.spent + lost, leases=left), here
