"""A tenant's model as the tenant plane takes it and as it shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.catalog.models import CatalogModel
from gateway.errors import InvalidRequest
from gateway.management.body import Body
from gateway.management.tenant_limits import LimitsChange, LimitsView, limits_shown
from gateway.registry.limits import FIELDS, Limits
from gateway.registry.tenant_models import DEFAULT_PRIORITY, TenantModel
from gateway.tenant_plane.catalog_models import Pagination
from gateway.tenant_plane.moments import Moment, Uuid
from gateway.tenant_plane.usage_models import MODEL_ID

MAX_PRIORITY = 1000

Priority = Annotated[int, Field(ge=0, le=MAX_PRIORITY)]

_MODEL_ID = "The model's `id` in the catalog."
_ENABLED = "Whether the tenant's keys may call it."
_DEFAULT = "Whether it stands in where a request names no model; one of a tenant's enabled models at most."
_PRIORITY = "Higher is preferred."
_LIMITS = {"monthly_token_limit": 20000000, "daily_token_limit": 1000000}
_SHOWN: dict[str, Any] = {
    "model_id": MODEL_ID,
    "provider": "bedrock",
    "model_identifier": "amazon.titan-embed-text-v2:0",
    "model_name": "Amazon Titan Embedding V2",
    "model_type": "embedding",
    "dimensions": 1024,
    "max_tokens": 8192,
    "cost_per_million_tokens": 0.02,
    "is_available": True,
    "is_deprecated": False,
    "is_enabled": True,
    "is_default": False,
    "priority": 100,
    **dict.fromkeys(FIELDS),
    **_LIMITS,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:00Z",
}


class TenantModelFields(Body):
    """What can be said of a tenant's model beside its limits."""

    is_enabled: bool | None = Field(True, description=f"{_ENABLED} One that is disabled is no default any more.")
    is_default: bool | None = Field(False, description=f"{_DEFAULT} Setting it takes it from the one that was it.")
    priority: Priority | None = Field(DEFAULT_PRIORITY, description=_PRIORITY)


class TenantModelChange(LimitsChange, TenantModelFields):
    """What to change of a tenant's model. What is left out stays; null resets a field to its default.

    A limit that is null is none; one of 0 lets nothing through. The tenant's own limits hold beside its models'.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_enabled": True, **_LIMITS, "priority": 150}]})

    def changed(self, before: TenantModel, now: datetime) -> TenantModel:
        """The model with what the body names; the very same one when that changes nothing. Raises InvalidRequest."""
        given: dict[str, Any] = {}
        for name, field in TenantModelFields.model_fields.items():
            if name in self.model_fields_set:
                value = getattr(self, name)
                given[name] = field.default if value is None else value
        enabled = given.get("is_enabled", before.is_enabled)
        if given.get("is_default") and not enabled:
            raise InvalidRequest("is_default must be false for a model that is not enabled", param="is_default")
        if not enabled:
            given["is_default"] = False
        after = replace(before, **given, limits=replace(before.limits, **self.given_limits()))
        return before if after == before else replace(after, updated_at=now)


class TenantModelCreation(TenantModelChange):
    """A model of the catalog that a tenant is to use."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model_id": MODEL_ID,
                    "is_enabled": True,
                    "is_default": False,
                    "monthly_token_limit": 10000000,
                    "daily_token_limit": 500000,
                    "monthly_request_limit": 10000,
                    "priority": 100,
                }
            ]
        }
    )

    model_id: Uuid = Field(description=_MODEL_ID)

    def made(self, tenant_id: str, model: CatalogModel, now: datetime) -> TenantModel:
        """The tenant's model. Raises InvalidRequest."""
        plain = TenantModel(
            tenant_id=tenant_id,
            model_id=model.id,
            provider=model.provider,
            name=model.model_id,
            model_type=model.model_type,
            limits=Limits(),
            created_at=now,
            updated_at=now,
        )
        return self.changed(plain, now)


class TenantModelFacts(BaseModel):
    """What is shown of a tenant's model beside its limits."""

    model_id: str = Field(description=_MODEL_ID)
    provider: str = Field(description="Who offers it.")
    model_identifier: str = Field(description="The provider's own name of it.")
    model_name: str = Field(description="Its name, for people.")
    model_type: str | None = Field(description="What it is for: `embedding`, `chat`, …")
    dimensions: int | None = Field(description="The length of its vectors.")
    max_tokens: int | None = Field(description="The longest input, in tokens.")
    cost_per_million_tokens: float | None = Field(description="US dollars for a million tokens of input.")
    is_available: bool = Field(description="What the catalog says; false when it has the model no more.")
    is_deprecated: bool = Field(description="What the catalog says; false when it has the model no more.")
    is_enabled: bool = Field(description=_ENABLED)
    is_default: bool = Field(description=_DEFAULT)
    priority: int = Field(description=_PRIORITY)


class TenantModelView(LimitsView, TenantModelFacts):
    """A tenant's model, with what the catalog says of it now. A limit that is null is none."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    created_at: Moment = Field(description="When it was configured.")
    updated_at: Moment = Field(description="When that was changed last.")

    @classmethod
    def of(cls, model: TenantModel, known: CatalogModel | None, today: date) -> TenantModelView:
        """The view of a tenant's model. known: the catalog's, if it has it still."""
        return cls(
            model_id=model.model_id,
            provider=model.provider,
            model_identifier=model.name,
            model_name=known.model_name if known else model.name,
            model_type=known.model_type if known else model.model_type,
            dimensions=known.dimensions if known else None,
            max_tokens=known.max_tokens if known else None,
            cost_per_million_tokens=known.cost_per_million_tokens if known else None,
            is_available=known is not None and known.available(today),
            is_deprecated=known is not None and known.deprecated(today),
            is_enabled=model.is_enabled,
            is_default=model.is_default,
            priority=model.priority,
            created_at=model.created_at,
            updated_at=model.updated_at,
            **limits_shown(model.limits),
        )


class TenantModelsAnswer(BaseModel):
    """A page of a tenant's models, by priority."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"models": [_SHOWN], "pagination": {"page": 1, "limit": 20, "total": 1, "pages": 1}}]
        }
    )

    models: list[TenantModelView] = Field(description="The models of this page.")
    pagination: Pagination = Field(description="Which part of the list this is.")
