"""What the tenant plane is given to work with, and who calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from gateway.asgi import Scope
from gateway.errors import PermissionDenied
from gateway.management.guard import bearer
from gateway.proxy.authenticate import authenticate
from gateway.registry.snapshot import Caller, Snapshot
from gateway.registry.tenants import CATALOG_WRITE, public_id
from gateway.storage.catalog import CatalogStore
from gateway.storage.rows import Tables
from gateway.storage.tokens import knows_management_token


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantContext:
    """`tables` holds the management tokens; `snapshot` answers the registry as it is served, `clock` the time (UTC)."""

    tables: Tables
    catalog: CatalogStore
    snapshot: Callable[[], Snapshot]
    clock: Callable[[], datetime]


async def admit(context: TenantContext, scope: Scope) -> Caller | None:
    """The caller behind a request, None for an operator. Raises InvalidApiKey or PermissionDenied.

    Only what can't be an API key is looked up as a management token, so that a wrong key costs no storage read.
    """
    presented = bearer(scope)
    if presented and public_id(presented) is None and await knows_management_token(context.tables, presented):
        return None
    return authenticate(scope["headers"], context.snapshot(), context.clock())


async def _context(request: Request) -> TenantContext:
    context: TenantContext = request.app.state.context
    return context


async def may_write_catalog(request: Request) -> None:
    """Refuse a caller whose tenant may not change the catalog; an operator may."""
    caller: Caller | None = request.scope["who"]
    if caller is not None and CATALOG_WRITE not in caller.tenant.permissions:
        raise PermissionDenied(
            f"Changing the catalog takes a management token, or a key whose tenant has the permission {CATALOG_WRITE}."
        )


Context = Annotated[TenantContext, Depends(_context)]
