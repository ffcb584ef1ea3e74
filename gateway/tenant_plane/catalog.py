"""Routes of the catalog: models of every type, their providers, and the same of embeddings alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends

from gateway.catalog.models import CatalogModel, catalog_id
from gateway.errors import AlreadyExists, Conflict, InvalidRequest, ModelNotFound
from gateway.tenant_plane.catalog_models import (
    ModelChange,
    ModelCreation,
    ModelsAnswer,
    ModelView,
    ProvidersAnswer,
    ProviderView,
)
from gateway.tenant_plane.context import Context, may_write_catalog
from gateway.tenant_plane.error_models import READING, WRITING, documented
from gateway.tenant_plane.parameters import AvailableOnly, Limit, ModelId, ModelType, Page, Provider, paged

PREFIX = "/api/v1/embedding-models"
EMBEDDINGS_PREFIX = "/api/v1/embeddings"
EMBEDDING = "embedding"

router = APIRouter(tags=["catalog"])
embeddings = APIRouter(tags=["catalog of embedding models"])

Writing = [Depends(may_write_catalog)]

_UPDATING: dict[str, Any] = {
    "summary": "Change a model",
    "response_description": "The model as the catalog has it now.",
    "responses": documented(*READING, *WRITING, ModelNotFound),
    "dependencies": Writing,
}


@router.get(
    "/catalog",
    summary="List models",
    response_description="A page of models, perhaps an empty one.",
    responses=documented(*READING),
)
async def list_models(
    context: Context,
    page: Page = 1,
    limit: Limit = 20,
    provider: Provider = None,
    available_only: AvailableOnly = False,
    type: ModelType = None,
) -> ModelsAnswer:
    """The models, by provider and name, one page at a time."""
    today = context.clock().date()
    found = _chosen(await context.catalog.list(), today, provider, type, available_only=available_only)
    return _page(found, today, page, limit)


@router.post(
    "/catalog",
    summary="Add a model",
    response_description="The model as the catalog has it now.",
    status_code=201,
    responses=documented(*WRITING, AlreadyExists),
    dependencies=Writing,
)
async def create_model(creation: ModelCreation, context: Context) -> ModelView:
    """Adds a model. One of a built-in model's provider and name counts in its place."""
    now = context.clock()

    def created(before: CatalogModel | None) -> CatalogModel:
        if before is not None and not before.is_builtin:
            raise AlreadyExists(f"There is a model {before.model_id!r} of {before.provider!r} already: {before.id}.")
        values = _values(creation, set(ModelCreation.model_fields))
        values["model_name"] = values["model_name"] or creation.model_id
        return CatalogModel(**values, created_at=now, updated_at=now, is_builtin=False)

    of = catalog_id(creation.provider, creation.model_id)
    return ModelView.of(await context.catalog.upsert(of, created), now.date())


@router.get(
    "/catalog/{model_id}",
    summary="Read a model",
    response_description="The model.",
    responses=documented(*READING, ModelNotFound),
)
async def read_model(model_id: ModelId, context: Context) -> ModelView:
    """One model."""
    found = await context.catalog.read(model_id)
    if found is None:
        raise _no_model(model_id)
    return ModelView.of(found, context.clock().date())


@router.put("/catalog/{model_id}", operation_id="update_model", **_UPDATING)
@router.patch("/catalog/{model_id}", operation_id="patch_model", **_UPDATING)
async def update_model(model_id: ModelId, change: ModelChange, context: Context) -> ModelView:
    """Changes what the body names, of a built-in model too."""
    now = context.clock()
    if "model_name" in change.model_fields_set and change.model_name is None:
        raise InvalidRequest("model_name must be a string: every model has one", param="model_name")

    def changed(before: CatalogModel | None) -> CatalogModel:
        if before is None:
            raise _no_model(model_id)
        return replace(before, **_values(change, change.model_fields_set), updated_at=now, is_builtin=False)

    return ModelView.of(await context.catalog.upsert(model_id, changed), now.date())


@router.delete(
    "/catalog/{model_id}",
    summary="Delete a model",
    response_description="It is in the catalog no more.",
    status_code=204,
    responses=documented(*READING, Conflict, ModelNotFound),
    dependencies=Writing,
)
async def delete_model(model_id: ModelId, context: Context) -> None:
    """Takes a model out of the catalog, a built-in one too."""
    if not await context.catalog.delete(model_id):
        raise _no_model(model_id)


@router.get(
    "/providers",
    summary="List providers",
    response_description="The providers.",
    responses=documented(),
)
async def list_providers(context: Context) -> ProvidersAnswer:
    """Every provider that has a model in the catalog."""
    return _providers(await context.catalog.list(), context.clock().date())


@embeddings.get(
    "/models",
    summary="List embedding models",
    response_description="A page of models, perhaps an empty one.",
    responses=documented(*READING),
)
async def list_embedding_models(
    context: Context, page: Page = 1, limit: Limit = 20, provider: Provider = None
) -> ModelsAnswer:
    """The embedding models that are available."""
    today = context.clock().date()
    found = _chosen(await context.catalog.list(), today, provider, EMBEDDING, available_only=True)
    return _page(found, today, page, limit)


@embeddings.get(
    "/providers",
    summary="List providers of embedding models",
    response_description="The providers.",
    responses=documented(),
)
async def list_embedding_providers(context: Context) -> ProvidersAnswer:
    """The providers of embedding models that are available."""
    today = context.clock().date()
    return _providers(_chosen(await context.catalog.list(), today, None, EMBEDDING, available_only=True), today)


def _chosen(
    models: Sequence[CatalogModel], today: date, provider: str | None, kind: str | None, *, available_only: bool
) -> list[CatalogModel]:
    return [
        each
        for each in models
        if provider in (None, each.provider)
        and kind in (None, each.model_type)
        and (not available_only or each.available(today))
    ]


def _page(models: Sequence[CatalogModel], today: date, page: int, limit: int) -> ModelsAnswer:
    shown, pagination = paged(models, page, limit)
    return ModelsAnswer(models=[ModelView.of(each, today) for each in shown], pagination=pagination)


def _providers(models: Sequence[CatalogModel], today: date) -> ProvidersAnswer:
    by_name: dict[str, list[CatalogModel]] = {}
    for model in models:
        by_name.setdefault(model.provider, []).append(model)
    return ProvidersAnswer(
        providers=[
            ProviderView(
                name=name,
                models=len(offered),
                available_models=sum(each.available(today) for each in offered),
                model_types=sorted({each.model_type for each in offered if each.model_type is not None}),
            )
            for name, offered in sorted(by_name.items())
        ]
    )


def _values(change: ModelChange, names: set[str]) -> dict[str, Any]:
    """The fields of a model that the change sets; null stands for the field's default."""
    fields = type(change).model_fields
    given = {name: getattr(change, name) for name in names}
    return {name: fields[name].default if value is None else value for name, value in given.items()}


def _no_model(model_id: str) -> ModelNotFound:
    return ModelNotFound(f"There is no model with the id {model_id!r}.")
