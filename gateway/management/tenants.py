"""Routes of tenants and of their API keys."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path

from gateway.errors import BodyTooLarge, Conflict, InvalidRequest, NotFound
from gateway.management import rules
from gateway.management.context import Context
from gateway.management.error_models import documented
from gateway.management.tenant_models import (
    KeyCreation,
    KeyView,
    NewKeyView,
    TenantChange,
    TenantCreation,
    TenantFields,
    TenantView,
)
from gateway.registry.limits import Limits
from gateway.registry.tenants import ApiKey, Tenant, compose, fingerprint

tenants = APIRouter(tags=["tenants"])
keys = APIRouter(tags=["API keys"])

DEFAULT_KEY_NAME = "default"

TenantId = Annotated[rules.Name, Path(description="The tenant's id.", examples=["contoso"])]
KeyId = Annotated[rules.Name, Path(description="The key's public id.", examples=["3f9ac2e1b07d"])]


@tenants.post(
    "/tenants",
    summary="Make a tenant",
    response_description="The tenant as it is stored.",
    status_code=201,
    responses=documented(InvalidRequest, Conflict, BodyTooLarge),
)
async def create_tenant(creation: TenantCreation, context: Context) -> TenantView:
    """Makes a tenant. It can call once it has an API key."""
    values = _values(creation, set(TenantFields.model_fields))
    tenant = Tenant(
        id=creation.id or _slug(creation.name),
        created_at=datetime.now(UTC),
        limits=Limits(**creation.given_limits()),
        **values,
    )
    _check_window(tenant)
    made = await context.tenants.create(tenant)
    await context.registry.refresh(force=True)
    return TenantView.of(made)


@tenants.get(
    "/tenants",
    summary="List tenants",
    response_description="The tenants, perhaps none.",
    responses=documented(),
)
async def list_tenants(context: Context) -> list[TenantView]:
    """Every tenant, by id."""
    found, _, _ = await context.tenants.list()
    return [TenantView.of(each) for each in sorted(found, key=lambda each: each.id)]


@tenants.get(
    "/tenants/{tenant_id}",
    summary="Read a tenant",
    response_description="The tenant.",
    responses=documented(InvalidRequest, NotFound),
)
async def read_tenant(tenant_id: TenantId, context: Context) -> TenantView:
    """One tenant as it is stored."""
    found = await context.tenants.read(tenant_id)
    if found is None:
        raise _no_tenant(tenant_id)
    return TenantView.of(found)


@tenants.patch(
    "/tenants/{tenant_id}",
    summary="Change a tenant",
    response_description="The tenant as it is stored now.",
    responses=documented(InvalidRequest, NotFound, Conflict, BodyTooLarge),
)
async def update_tenant(tenant_id: TenantId, change: TenantChange, context: Context) -> TenantView:
    """Changes what the body names; null resets an optional field to its default."""

    def changed(before: Tenant | None) -> Tenant:
        if before is None:
            raise _no_tenant(tenant_id)
        limits = replace(before.limits, **change.given_limits())
        after = replace(
            before, limits=limits, **_values(change, change.model_fields_set & TenantFields.model_fields.keys())
        )
        _check_window(after)
        return after

    stored = await context.tenants.upsert(tenant_id, changed)
    await context.registry.refresh(force=True)
    return TenantView.of(stored)


@tenants.delete(
    "/tenants/{tenant_id}",
    summary="Delete a tenant",
    response_description="It is gone, and its keys with it.",
    status_code=204,
    responses=documented(InvalidRequest, NotFound, Conflict),
)
async def delete_tenant(tenant_id: TenantId, context: Context) -> None:
    """Removes the tenant and all its API keys, for good. To keep them, set `active` to false instead."""
    deleted = await context.tenants.delete(tenant_id)
    await context.registry.refresh(force=True)
    if not deleted:
        raise _no_tenant(tenant_id)


@keys.post(
    "/tenants/{tenant_id}/keys",
    summary="Make an API key",
    response_description="The key, shown this once.",
    status_code=201,
    responses=documented(InvalidRequest, NotFound, BodyTooLarge),
)
async def create_key(tenant_id: TenantId, context: Context, creation: KeyCreation | None = None) -> NewKeyView:
    """Makes an API key for the tenant's clients. The answer is the only one that shows it; a body is optional."""
    public_id = secrets.token_hex(6)
    presented = compose(public_id, secrets.token_urlsafe(32))
    key = ApiKey(
        id=public_id,
        tenant_id=tenant_id,
        name=(creation and creation.name) or DEFAULT_KEY_NAME,
        sha256=fingerprint(presented),
        created_at=datetime.now(UTC),
    )
    made = await context.tenants.create_key(key)
    await context.registry.refresh(force=True)
    return NewKeyView(api_key=presented, **KeyView.of(made).model_dump())


@keys.get(
    "/tenants/{tenant_id}/keys",
    summary="List a tenant's API keys",
    response_description="The keys, perhaps none.",
    responses=documented(InvalidRequest, NotFound),
)
async def list_keys(tenant_id: TenantId, context: Context) -> list[KeyView]:
    """The tenant's keys, oldest first, without what a client would send."""
    if await context.tenants.read(tenant_id) is None:
        raise _no_tenant(tenant_id)
    found = await context.tenants.keys(tenant_id)
    return [KeyView.of(each) for each in sorted(found, key=lambda each: (each.created_at, each.id))]


@keys.delete(
    "/tenants/{tenant_id}/keys/{key_id}",
    summary="Delete an API key",
    response_description="It is gone.",
    status_code=204,
    responses=documented(InvalidRequest, NotFound),
)
async def delete_key(tenant_id: TenantId, key_id: KeyId, context: Context) -> None:
    """Takes the key back: it stops working on this instance at once, on all others within 5 seconds."""
    deleted = await context.tenants.delete_key(tenant_id, key_id)
    await context.registry.refresh(force=True)
    if not deleted:
        raise NotFound(f"Tenant {tenant_id!r} has no API key {key_id!r}.")


def _values(change: TenantChange, names: set[str]) -> dict[str, Any]:
    """The fields of Tenant, its limits aside, that the change sets; null stands for the field's default."""
    if "name" in names and change.name is None:
        raise InvalidRequest("name must be a string: every tenant has one", param="name")
    values: dict[str, Any] = {}
    for name in names:
        given = getattr(change, name)
        values[name] = TenantChange.model_fields[name].default if given is None else given
    for name in values.keys() & {"models", "permissions"}:
        values[name] = tuple(values[name])
    return values


def _check_window(tenant: Tenant) -> None:
    if tenant.start_utc is not None and tenant.end_utc is not None and tenant.end_utc <= tenant.start_utc:
        raise InvalidRequest("end_utc must be after start_utc", param="end_utc")


def _slug(name: str) -> str:
    """An id made from a name: `Contoso Süd GmbH` → `contoso-sud-gmbh`; by chance when nothing of it is left."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower())[:64].strip("-")
    return slug or f"tenant-{secrets.token_hex(4)}"


def _no_tenant(tenant_id: str) -> NotFound:
    return NotFound(f"There is no tenant with the id {tenant_id!r}.")
