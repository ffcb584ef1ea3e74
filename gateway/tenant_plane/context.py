"""What the tenant plane is given to work with, who calls it, and which tenant is meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from gateway.asgi import Scope
from gateway.errors import InvalidParameter, NotFound, PermissionDenied
from gateway.management import rules
from gateway.management.guard import bearer
from gateway.proxy.authenticate import authenticate
from gateway.quotas.quotas import Quotas
from gateway.registry.snapshot import Caller, Snapshot
from gateway.registry.tenants import CATALOG_WRITE, MODELS_WRITE, Tenant, public_id
from gateway.settings import Settings
from gateway.storage.catalog import CatalogStore
from gateway.storage.rows import Tables
from gateway.storage.tenant_models import TenantModelStore
from gateway.storage.tenants import TenantStore
from gateway.storage.tokens import knows_management_token
from gateway.tenant_plane.rates import admit_at_rate
from gateway.usage.pricer import Pricer
from gateway.usage.reports import Reports
from gateway.vectors.collections import Collections

PREFIX = "/api/v1/tenant-models"
# What needs no credential: they tell how to ask, and hold no secret. A test reads this list.
OPEN_PATHS = (f"{PREFIX}/docs", f"{PREFIX}/openapi.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantContext:
    """`tables` holds the management tokens; `snapshot` answers the registry as it is served, `clock` the time (UTC).

    `refresh` has this instance serve what was written. `pricer` knows which model of the catalog a deployment serves.
    `embed` makes a caller's own embeddings call of the data plane.
    """

    settings: Settings
    tables: Tables
    catalog: CatalogStore
    tenants: TenantStore
    tenant_models: TenantModelStore
    usage: Reports
    quotas: Quotas
    pricer: Pricer
    collections: Collections
    embed: Callable[[Caller, bytes], Awaitable[bytes]]
    snapshot: Callable[[], Snapshot]
    refresh: Callable[[], Awaitable[object]]
    clock: Callable[[], datetime]


async def admit(context: TenantContext, scope: Scope) -> Caller | None:
    """The caller behind a request, None for an operator and for an open path.

    Only what can't be an API key is looked up as a management token, so that a wrong key costs no storage read. A
    tenant's request counts against its rate limit. Raises InvalidApiKey, PermissionDenied, RateLimited.
    """
    if scope["path"] in OPEN_PATHS:
        return None
    presented = bearer(scope)
    if presented and public_id(presented) is None and await knows_management_token(context.tables, presented):
        return None
    caller = authenticate(scope["headers"], context.snapshot(), context.clock)
    await admit_at_rate(context.quotas, caller.tenant, scope, context.clock())
    return caller


async def _context(request: Request) -> TenantContext:
    context: TenantContext = request.app.state.context
    return context


Context = Annotated[TenantContext, Depends(_context)]
TenantId = Annotated[
    rules.Name | None,
    Query(
        description="Whose models are meant. With a management token it is required; with a key it can be left out.",
        examples=["contoso"],
    ),
]


async def _caller(request: Request) -> Caller | None:
    caller: Caller | None = request.scope["who"]
    return caller


Who = Annotated[Caller | None, Depends(_caller)]


async def _tenant(context: Context, who: Who, tenant_id: TenantId = None) -> Tenant:
    """The tenant that a request is about: the key's own, or the one that an operator names."""
    if who is not None:
        if tenant_id not in (None, who.tenant.id):
            raise PermissionDenied("An API key reaches its own tenant alone; leave tenant_id out.")
        return who.tenant
    if tenant_id is None:
        raise InvalidParameter("tenant_id is required with a management token: it names the tenant", param="tenant_id")
    found = await context.tenants.read(tenant_id)
    if found is None:
        raise NotFound(f"There is no tenant with the id {tenant_id!r}.")
    return found


OfTenant = Annotated[Tenant, Depends(_tenant)]


async def may_write_catalog(who: Who) -> None:
    """Refuse a caller whose tenant may not change the catalog; an operator may."""
    _demand(who, CATALOG_WRITE, "Changing the catalog")


async def may_write_models(who: Who) -> None:
    """Refuse a caller whose tenant may not change its own models; an operator may."""
    _demand(who, MODELS_WRITE, "Changing a tenant's models")


def _demand(who: Caller | None, permission: str, what: str) -> None:
    if who is not None and permission not in who.tenant.permissions:
        raise PermissionDenied(
            f"{what} takes a management token, or a key whose tenant has the permission {permission}."
        )
