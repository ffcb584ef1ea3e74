"""Limits: how much a tenant, or one of its models, may use of what in which window of time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

Metric = Literal["requests", "tokens", "cost"]
Period = Literal["minute", "day", "month"]

# Money is counted in whole billionths of a dollar, so that sums are exact.
NANODOLLARS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` of a metric in a period: requests, tokens, or nanodollars."""

    metric: Metric
    period: Period
    amount: int

    @property
    def name(self) -> str:
        """`tokens_day`: unique among the limits of one holder."""
        return f"{self.metric}_{self.period}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a tenant or of one of its models. None: no limit; 0 lets nothing through. Costs are US dollars."""

    rpm: int | None = None
    tpm: int | None = None
    minute_cost_limit: float | None = None
    daily_request_limit: int | None = None
    daily_token_limit: int | None = None
    daily_cost_limit: float | None = None
    monthly_request_limit: int | None = None
    monthly_token_limit: int | None = None
    monthly_cost_limit: float | None = None

    def each(self) -> tuple[Limit, ...]:
        """The limits that are set, shortest period first."""
        found = []
        for name, (metric, period) in MEANINGS.items():
            amount = getattr(self, name)
            if amount is not None:
                found.append(Limit(metric, period, nanodollars(amount) if metric == "cost" else amount))
        return tuple(found)


MEANINGS: dict[str, tuple[Metric, Period]] = {
    "rpm": ("requests", "minute"),
    "tpm": ("tokens", "minute"),
    "minute_cost_limit": ("cost", "minute"),
    "daily_request_limit": ("requests", "day"),
    "daily_token_limit": ("tokens", "day"),
    "daily_cost_limit": ("cost", "day"),
    "monthly_request_limit": ("requests", "month"),
    "monthly_token_limit": ("tokens", "month"),
    "monthly_cost_limit": ("cost", "month"),
}
FIELDS = tuple(field.name for field in fields(Limits))


def nanodollars(dollars: float) -> int:
    """Dollars as whole billionths, rounded down; by decimals, for 0.1 is to be 100,000,000 and nothing else."""
    return int((Decimal(repr(dollars)) * NANODOLLARS).to_integral_value(ROUND_FLOOR))


def dollars(nanodollars: int) -> float:
    """Whole billionths as dollars."""
    return float(Decimal(nanodollars) / NANODOLLARS)
