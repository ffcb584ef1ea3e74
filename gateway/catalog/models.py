"""A model of the catalog, and the id that it has everywhere."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

# Ids are made from names, so that every instance and every version gives a model the same one. Never to be changed.
_NAMESPACE = uuid.UUID("6f0d2b0e-5a1c-5d59-9c8e-3f5d0c0a7b11")

TOKENS_A_COST_IS_FOR = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogModel:
    """One model of one provider.

    model_id: the provider's own name of it. model_type: `chat`, `embedding`, …; None when it is not known. max_tokens:
    the longest input. Costs are US dollars for a million tokens; None is unknown, 0 is free. prices: every price that
    is known, in dollars, by its unit. is_available, is_deprecated: what an operator said; None leaves it to
    `deprecation_date`. is_builtin: nobody changed it.
    """

    provider: str
    model_id: str
    model_name: str
    model_version: str | None = None
    model_type: str | None = None
    dimensions: int | None = None
    max_tokens: int | None = None
    max_output_tokens: int | None = None
    cost_per_million_tokens: float | None = None
    output_cost_per_million_tokens: float | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    requires_api_key: bool = True
    deprecation_date: date | None = None
    is_available: bool | None = None
    is_deprecated: bool | None = None
    is_builtin: bool = False
    created_at: datetime
    updated_at: datetime

    @property
    def id(self) -> str:
        """Its UUID, made from provider and model_id."""
        return catalog_id(self.provider, self.model_id)

    def deprecated(self, today: date) -> bool:
        """Whether the operator says that it is deprecated, else whether its date has come."""
        if self.is_deprecated is not None:
            return self.is_deprecated
        return self.deprecation_date is not None and self.deprecation_date <= today

    def available(self, today: date) -> bool:
        """Whether the operator says that it is available, else whether it is not deprecated."""
        return not self.deprecated(today) if self.is_available is None else self.is_available


def catalog_id(provider: str, model_id: str) -> str:
    """The UUID (version 5) of a provider's model."""
    return str(uuid.uuid5(_NAMESPACE, f"{provider}/{model_id}"))
