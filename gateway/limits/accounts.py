"""Accounts: whose limits a call is counted against, how much it needs, and how they stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

import msgspec

from gateway.limits.windows import Window
from gateway.registry.limits import Limit


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """How much of each metric: requests, tokens, nanodollars. The names are those of `Limit.metric`."""

    requests: int = 0
    tokens: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """Something that has limits: a tenant, a model of it, its calls of the tenant plane.

    tenant: its identity (`Tenant.identity`). scope: `tenant`, `model:<uuid>`, `api:read` or `api:write`. limits: one
    for each metric and period, at most. zone: whose calendar the windows follow. label: what error messages call it.
    model_id: the catalog's id of the model whose account it is.
    """

    tenant: str
    tenant_id: str
    scope: str
    limits: tuple[Limit, ...]
    zone: tzinfo
    label: str
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a limit stands: used (calls that are running count with what they reserved), and what other instances hold
    of it unspent. Amounts are in the limit's unit; used may exceed the limit."""

    limit: Limit
    window: Window
    used: int
    held: int = 0

    @property
    def remaining(self) -> int:
        """What can be had now, without anything that other instances give back."""
        return max(0, self.limit.amount - self.used - self.held)
