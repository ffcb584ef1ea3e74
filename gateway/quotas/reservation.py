"""A reservation: what one call has taken of its accounts' limits, until it is known what it spent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.limits.accounts import Amounts, Standing
from gateway.limits.rate_headers import rate_lines
from gateway.quotas.leases import Leases, Take

NOTHING = Amounts()


class Reservation:
    """What a call has reserved. One of settle and refund is to be called once the call is over; the first counts."""

    __slots__ = ("_hurry", "_open", "_takes", "_utc_now")

    def __init__(self, takes: list[Take], utc_now: Callable[[], datetime], hurry: Callable[[Leases], None]) -> None:
        self._takes = takes
        self._utc_now = utc_now
        self._hurry = hurry
        self._open = True

    def settle(self, spent: Amounts) -> None:
        """The call is over and has spent so much, which may be more than it reserved."""
        if not self._open:
            return
        self._open = False
        for leases, slots, need in self._takes:
            for limit, holding in slots:
                reserved, amount = getattr(need, limit.metric), getattr(spent, limit.metric)
                holding.reserved -= reserved
                holding.unreported += amount
                if amount < reserved and not holding.patience:
                    self._hurry(leases)

    def refund(self) -> None:
        """The call came to nothing."""
        self.settle(NOTHING)

    def standings(self) -> list[Standing]:
        """How the limits stand now, as far as this instance knows."""
        return [holding.standing(limit) for _, slots, _ in self._takes for limit, holding in slots]

    def lines(self) -> bytes:
        """`x-ratelimit-*` for the answer."""
        return rate_lines([slots for _, slots, _ in self._takes], self._utc_now())
