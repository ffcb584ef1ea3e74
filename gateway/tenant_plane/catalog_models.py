"""A model of the catalog as the tenant plane takes it and as it shows it."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from gateway.catalog.models import CatalogModel
from gateway.management import rules
from gateway.management.body import Body
from gateway.tenant_plane.moments import Moment as Moment

# Table storage keeps a text in 32,768 characters.
MAX_CAPABILITIES = 16_384
MAX_SIZE = 1_000_000_000


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(json.dumps(value, allow_nan=False))
    except ValueError:
        raise ValueError("must hold only what JSON can: neither NaN nor Infinity") from None
    if size > MAX_CAPABILITIES:
        raise ValueError(f"must be at most {MAX_CAPABILITIES:,} characters as JSON")
    return value


def _day(value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("must be a date such as 2026-11-20") from None


Size = Annotated[int, Field(gt=0, le=MAX_SIZE)]
Cost = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Capabilities = Annotated[dict[str, Any], Field(max_length=200), AfterValidator(_storable)]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]

_ID = "Its UUID, made from `provider` and `model_id`: the same everywhere, for ever."
_PROVIDER = "Who offers it: `openai`, `bedrock`, …"
_MODEL_ID = "The provider's own name of it."
_NAME = "Its name, for people."
_VERSION = "The provider's version of it."
_TYPE = "What it is for: `embedding`, `chat`, …"
_DIMENSIONS = "The length of its vectors."
_MAX_TOKENS = "The longest input, in tokens."
_MAX_OUTPUT = "The longest output, in tokens."
_COST = "US dollars for a million tokens of input."
_OUTPUT_COST = "US dollars for a million tokens of output."
_CAPABILITIES = "What else it can do, by name."
_REQUIRES_KEY = "Whether its provider is called with an API key."
_DEPRECATION = "The day on which its provider lets go of it."
_FACTS: dict[str, Any] = {
    "provider": "openai",
    "model_name": "Text Embedding 3 Small",
    "model_id": "text-embedding-3-small",
    "model_version": "3.0",
    "dimensions": 1536,
    "max_tokens": 8191,
    "model_type": "embedding",
    "cost_per_million_tokens": 0.02,
    "capabilities": {"supports_batching": True, "max_batch_size": 2048, "encoding": "cl100k_base"},
}
_SHOWN: dict[str, Any] = {
    "id": "4d769bff-0e0a-530d-b058-a78b5df4adc4",
    **_FACTS,
    "is_available": True,
    "is_deprecated": False,
    "requires_api_key": True,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:00Z",
}
_PAGE: dict[str, Any] = {"page": 1, "limit": 20, "total": 15, "pages": 1}
_OFFER: dict[str, Any] = {
    "name": "openai",
    "models": 223,
    "available_models": 201,
    "model_types": ["chat", "embedding"],
}


class ModelChange(Body):
    """What to change of a model. What is left out stays; null makes a field unknown, or leaves it to the gateway."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"is_available": False, "is_deprecated": True, "cost_per_million_tokens": 0.015}]
        }
    )

    model_name: rules.TenantName | None = Field(None, description=f"{_NAME} Default: `model_id`.")
    model_version: rules.Label | None = Field(None, description=_VERSION)
    model_type: rules.Label | None = Field(None, description=_TYPE)
    dimensions: Size | None = Field(None, description=_DIMENSIONS)
    max_tokens: Size | None = Field(None, description=_MAX_TOKENS)
    max_output_tokens: Size | None = Field(None, description=_MAX_OUTPUT)
    cost_per_million_tokens: Cost | None = Field(None, description=_COST)
    output_cost_per_million_tokens: Cost | None = Field(None, description=_OUTPUT_COST)
    capabilities: Capabilities | None = Field({}, description=_CAPABILITIES)
    requires_api_key: bool | None = Field(True, description=_REQUIRES_KEY)
    deprecation_date: Day | None = Field(None, description=_DEPRECATION)
    is_available: bool | None = Field(None, description="Default: unless it is deprecated.")
    is_deprecated: bool | None = Field(None, description="Default: once `deprecation_date` has come.")


class ModelCreation(ModelChange):
    """A model to add, or what counts in place of a built-in one of this provider and name."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FACTS]})

    provider: rules.Name = Field(description=_PROVIDER)
    model_id: rules.Model = Field(description=_MODEL_ID)
    model_type: rules.Label = Field("embedding", description="What it is for.")


class ModelView(BaseModel):
    """A model of the catalog. What is null is not known: a null cost is no cost of 0."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    id: str = Field(description=_ID)
    provider: str = Field(description=_PROVIDER)
    model_name: str = Field(description=_NAME)
    model_id: str = Field(description=_MODEL_ID)
    model_version: str | None = Field(description=_VERSION)
    dimensions: int | None = Field(description=_DIMENSIONS)
    max_tokens: int | None = Field(description=_MAX_TOKENS)
    max_output_tokens: int | None = Field(description=_MAX_OUTPUT)
    model_type: str | None = Field(description=_TYPE)
    cost_per_million_tokens: float | None = Field(description=_COST)
    output_cost_per_million_tokens: float | None = Field(description=_OUTPUT_COST)
    capabilities: dict[str, Any] = Field(description=_CAPABILITIES)
    is_available: bool = Field(description="What was said of it, else whether it is not deprecated.")
    is_deprecated: bool = Field(description="What was said of it, else whether `deprecation_date` has come.")
    deprecation_date: date | None = Field(description=_DEPRECATION)
    requires_api_key: bool = Field(description=_REQUIRES_KEY)
    created_at: Moment = Field(description="When it was added; of a built-in model, when its facts were taken.")
    updated_at: Moment = Field(description="When it was changed last.")

    @classmethod
    def of(cls, model: CatalogModel, today: date) -> ModelView:
        """The view of a model on a day."""
        plain = {name: getattr(model, name) for name in cls.model_fields}
        said = {"is_available": model.available(today), "is_deprecated": model.deprecated(today)}
        return cls(**{**plain, **said, "capabilities": dict(model.capabilities)})


class Pagination(BaseModel):
    """Which part of a list this is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PAGE]})

    page: int = Field(description="Which page.")
    limit: int = Field(description="How many to a page.")
    total: int = Field(description="How many there are.")
    pages: int = Field(description="How many pages they make.")


class ModelsAnswer(BaseModel):
    """A page of models."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"models": [_SHOWN], "pagination": _PAGE}]})

    models: list[ModelView] = Field(description="The models of this page.")
    pagination: Pagination = Field(description="Which part of the list this is.")


class ProviderView(BaseModel):
    """A provider of the catalog."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OFFER]})

    name: str = Field(description="Its name.")
    models: int = Field(description="How many models it has.")
    available_models: int = Field(description="How many of them are available.")
    model_types: list[str] = Field(description="Of which types.")


class ProvidersAnswer(BaseModel):
    """Every provider of the catalog."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"providers": [_OFFER]}]})

    providers: list[ProviderView] = Field(description="The providers, by name.")
