"""Routes of a tenant's models: which of the catalog it uses, with what limits, and which of them by default."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import APIRouter, Depends

from gateway.errors import AlreadyExists, InvalidRequest, ModelNotFound, NotFound
from gateway.registry.tenant_models import TenantModel
from gateway.registry.tenants import Tenant
from gateway.storage.tenant_models import missing
from gateway.tenant_plane.context import Context, OfTenant, TenantContext, may_write_models
from gateway.tenant_plane.error_models import READING, WRITING, documented
from gateway.tenant_plane.parameters import EnabledOnly, Limit, ModelId, Page, paged
from gateway.tenant_plane.tenant_model_views import (
    TenantModelChange,
    TenantModelCreation,
    TenantModelsAnswer,
    TenantModelView,
)

router = APIRouter(tags=["tenant models"])

Writing = [Depends(may_write_models)]


@router.get(
    "",
    summary="List a tenant's models",
    response_description="A page of them, perhaps an empty one.",
    responses=documented(*READING, NotFound),
)
async def list_tenant_models(
    context: Context, tenant: OfTenant, enabled_only: EnabledOnly = False, page: Page = 1, limit: Limit = 20
) -> TenantModelsAnswer:
    """The models that are configured for a tenant, the preferred ones first.

    A tenant that has none may call every model, unless the gateway is set to let it call none.
    """
    found = [each for each in await ordered(context, tenant) if each.is_enabled or not enabled_only]
    shown, pagination = paged(found, page, limit)
    views = await asyncio.gather(*(_view(context, each) for each in shown))
    return TenantModelsAnswer(models=list(views), pagination=pagination)


@router.post(
    "",
    summary="Configure a model for a tenant",
    response_description="The model as it is configured.",
    status_code=201,
    responses=documented(*READING, *WRITING, NotFound, ModelNotFound, AlreadyExists),
    dependencies=Writing,
)
async def create_tenant_model(creation: TenantModelCreation, context: Context, tenant: OfTenant) -> TenantModelView:
    """Configures a model of the catalog for a tenant. From then on its keys may call configured models alone."""
    known = await context.catalog.read(creation.model_id)
    if known is None:
        raise ModelNotFound(f"There is no model with the id {creation.model_id!r} in the catalog.")
    made = await context.tenant_models.create(creation.made(tenant.id, known, context.clock()))
    return await _written(context, made)


@router.put(
    "/{model_id}",
    summary="Change a tenant's model",
    response_description="The model as it is configured now.",
    responses=documented(*READING, *WRITING, NotFound, ModelNotFound),
    dependencies=Writing,
)
async def update_tenant_model(
    model_id: ModelId, change: TenantModelChange, context: Context, tenant: OfTenant
) -> TenantModelView:
    """Changes what the body names, and nothing else; null resets a field to its default."""
    now = context.clock()
    changed = await context.tenant_models.update(tenant.id, model_id, lambda before: change.changed(before, now))
    return await _written(context, changed)


@router.post(
    "/{model_id}/set-default",
    summary="Make a model the default",
    response_description="The model as it is configured now.",
    responses=documented(*READING, *WRITING, NotFound, ModelNotFound),
    dependencies=Writing,
)
async def set_default_model(model_id: ModelId, context: Context, tenant: OfTenant) -> TenantModelView:
    """Makes it the tenant's only default model; one that is not enabled is refused."""
    now = context.clock()

    def default(before: TenantModel) -> TenantModel:
        if not before.is_enabled:
            raise InvalidRequest("The model is not enabled, so it can't be the default: enable it first.")
        return before if before.is_default else replace(before, is_default=True, updated_at=now)

    return await _written(context, await context.tenant_models.update(tenant.id, model_id, default))


@router.delete(
    "/{model_id}",
    summary="Take a model from a tenant",
    response_description="It is configured no more.",
    status_code=204,
    responses=documented(*READING, NotFound, ModelNotFound),
    dependencies=Writing,
)
async def delete_tenant_model(model_id: ModelId, context: Context, tenant: OfTenant) -> None:
    """Takes the model from the tenant. Once that has none left, it may call every model again."""
    deleted = await context.tenant_models.delete(tenant.id, model_id)
    await context.refresh()
    if not deleted:
        raise missing(tenant.id, model_id)


async def ordered(context: TenantContext, tenant: Tenant) -> list[TenantModel]:
    """A tenant's models as they are stored, the preferred ones first."""
    return sorted(
        await context.tenant_models.list(tenant.id), key=lambda each: (-each.priority, each.name, each.model_id)
    )


async def _written(context: TenantContext, model: TenantModel) -> TenantModelView:
    await context.refresh()
    return await _view(context, model)


async def _view(context: TenantContext, model: TenantModel) -> TenantModelView:
    return TenantModelView.of(model, await context.catalog.read(model.model_id), context.clock().date())
