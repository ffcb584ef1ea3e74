"""Which accounts a tenant's calls are counted against: its own, its models', and those of the tenant plane."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo

from gateway.limits.accounts import Account
from gateway.registry.limits import Limit
from gateway.registry.tenant_models import TenantModel
from gateway.registry.tenants import Tenant

# The rate limits of the tenant plane, of each tenant in a minute.
READS_A_MINUTE = 100
WRITES_A_MINUTE = 10

_READS = (Limit("requests", "minute", READS_A_MINUTE),)
_WRITES = (Limit("requests", "minute", WRITES_A_MINUTE),)


def tenant_account(tenant: Tenant, zone: Callable[[str], tzinfo]) -> Account:
    """What all calls of a tenant are counted against. zone: the time zone of an IANA name, looked up in memory."""
    return Account(
        tenant=tenant.identity,
        tenant_id=tenant.id,
        scope="tenant",
        limits=tenant.limits.each(),
        zone=zone(tenant.time_zone),
        label=f"tenant {tenant.id!r}",
    )


def model_account(tenant: Tenant, model: TenantModel, zone: Callable[[str], tzinfo]) -> Account:
    """What a tenant's calls of one of its models are counted against, beside its own account."""
    return Account(
        tenant=tenant.identity,
        tenant_id=tenant.id,
        scope=f"model:{model.model_id}",
        limits=model.limits.each(),
        zone=zone(tenant.time_zone),
        label=f"model {model.name!r} of tenant {tenant.id!r}",
        model_id=model.model_id,
    )


def api_account(tenant: Tenant, *, writes: bool) -> Account:
    """What a tenant's requests of the tenant plane are counted against; reads and writes apart."""
    return Account(
        tenant=tenant.identity,
        tenant_id=tenant.id,
        scope="api:write" if writes else "api:read",
        limits=_WRITES if writes else _READS,
        zone=UTC,
        label=f"{'writes' if writes else 'reads'} of this API by tenant {tenant.id!r}",
    )
