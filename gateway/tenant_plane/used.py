"""What a tenant used and how its limits stand, by model: the sources of usage, quotas, selection and `me`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.limits.accounts import Standing
from gateway.limits.tenant_accounts import model_account, tenant_account
from gateway.limits.windows import Window, window
from gateway.metering.rollups import RollupPeriod, Totals
from gateway.registry.tenant_models import TenantModel
from gateway.registry.tenants import Tenant
from gateway.registry.time_zones import time_zone
from gateway.tenant_plane.context import TenantContext


@dataclass(frozen=True, slots=True)
class Used:
    """What a tenant's calls of one day or month (UTC) came to: all of them, and by the catalog's UUID of their model.

    Calls for which no model is known are in `all` alone.
    """

    window: Window
    all: Totals
    by_model: dict[str, Totals]

    def of(self, model_id: str) -> Totals:
        """Of one model; zeros when it was not called."""
        return self.by_model.get(model_id, Totals())


async def used(context: TenantContext, tenant: Tenant, period: RollupPeriod) -> Used:
    """What a tenant used in the running day or month (UTC). Raises StorageUnavailable."""
    running = window(period, context.clock(), UTC)
    by_model = await context.usage.by_model(tenant.identity, period, running.key)
    return Used(running, sum(by_model.values(), Totals()), {each: by_model[each] for each in by_model if each})


async def tenant_standings(context: TenantContext, tenant: Tenant) -> list[Standing]:
    """How the tenant's own limits stand; nothing is read when it has none."""
    account = tenant_account(tenant, time_zone)
    return await context.quotas.standing(account) if account.limits else []


async def model_standings(context: TenantContext, tenant: Tenant, model: TenantModel) -> list[Standing]:
    """How the limits of one of its models stand; nothing is read when that has none."""
    account = model_account(tenant, model, time_zone)
    return await context.quotas.standing(account) if account.limits else []


def last_second(end: datetime) -> datetime:
    """The last whole second of a window that ends there."""
    return end - timedelta(seconds=1)
