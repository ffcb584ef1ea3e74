"""A model of the catalog as the tenant plane takes it and as it shows it."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, PlainSerializer, PlainValidator, WithJsonSchema

from gateway.catalog.models import CatalogModel
from gateway.management import rules
from gateway.management.body import Body

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
# As the document that this API follows writes it: 2024-01-15T10:00:00Z.
Moment = Annotated[datetime, PlainSerializer(lambda at: at.isoformat(timespec="seconds").replace("+00:00", "Z"))]


class ModelChange(Body):
    """What to change of a model. What is left out stays; null makes a field unknown, or leaves it to the gateway."""

    model_name: rules.TenantName | None = Field(None, description="Its name, for people. Default: `model_id`.")
    model_version: rules.Label | None = Field(None, description="The provider's version of it.")
    model_type: rules.Label | None = Field(None, description="What it is for: `embedding`, `chat`, …")
    dimensions: Size | None = Field(None, description="The length of its vectors.")
    max_tokens: Size | None = Field(None, description="The longest input, in tokens.")
    max_output_tokens: Size | None = Field(None, description="The longest output, in tokens.")
    cost_per_million_tokens: Cost | None = Field(None, description="US dollars for a million tokens of input.")
    output_cost_per_million_tokens: Cost | None = Field(None, description="US dollars for a million of output.")
    capabilities: Capabilities | None = Field({}, description="What else it can do, by name.")
    requires_api_key: bool | None = Field(True, description="Whether its provider is called with an API key.")
    deprecation_date: Day | None = Field(None, description="The day on which its provider lets go of it.")
    is_available: bool | None = Field(None, description="Default: unless it is deprecated.")
    is_deprecated: bool | None = Field(None, description="Default: once `deprecation_date` has come.")


class ModelCreation(ModelChange):
    """A model to add, or what counts in place of a built-in one of this provider and name."""

    provider: rules.Name = Field(description="Who offers it: `openai`, `bedrock`, …")
    model_id: rules.Model = Field(description="The provider's own name of it.")
    model_type: rules.Label = Field("embedding", description="What it is for.")


class ModelView(BaseModel):
    """A model of the catalog. What is null is not known: a null cost is no cost of 0."""

    id: str
    provider: str
    model_name: str
    model_id: str
    model_version: str | None
    dimensions: int | None
    max_tokens: int | None
    max_output_tokens: int | None
    model_type: str | None
    cost_per_million_tokens: float | None
    output_cost_per_million_tokens: float | None
    capabilities: dict[str, Any]
    is_available: bool
    is_deprecated: bool
    deprecation_date: date | None
    requires_api_key: bool
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, model: CatalogModel, today: date) -> ModelView:
        """The view of a model on a day."""
        plain = {name: getattr(model, name) for name in cls.model_fields}
        said = {"is_available": model.available(today), "is_deprecated": model.deprecated(today)}
        return cls(**{**plain, **said, "capabilities": dict(model.capabilities)})


class Pagination(BaseModel):
    """Which part of a list this is. `total`: models, `pages`: how many pages of `limit` they make."""

    page: int
    limit: int
    total: int
    pages: int


class ModelsAnswer(BaseModel):
    """A page of models."""

    models: list[ModelView]
    pagination: Pagination


class ProviderView(BaseModel):
    """A provider of the catalog: how many models, of which types, and how many are available."""

    name: str
    models: int
    available_models: int
    model_types: list[str]


class ProvidersAnswer(BaseModel):
    """Every provider of the catalog."""

    providers: list[ProviderView]
