"""Tenant models: which models of the catalog a tenant uses, with what limits, and which of them by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.registry.limits import Limits

DEFAULT_PRIORITY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantModel:
    """A model of the catalog as one tenant uses it.

    model_id: its UUID in the catalog. provider, name, model_type: what the catalog said of it when it was configured;
    `name` is the provider's own name, by which the data plane knows it. priority: higher is preferred.
    """

    tenant_id: str
    model_id: str
    provider: str
    name: str
    model_type: str | None = None
    is_enabled: bool = True
    is_default: bool = False
    priority: int = DEFAULT_PRIORITY
    limits: Limits = field(default_factory=Limits)
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TenantModels:
    """The models of one tenant, with the look-ups that a call needs. Empty: none was configured.

    by_name: the enabled ones by the provider's name. default: the enabled one that stands in where a call names none.
    """

    all: tuple[TenantModel, ...] = ()
    by_name: Mapping[str, TenantModel] = field(default_factory=dict)
    default: TenantModel | None = None

    @classmethod
    def of(cls, models: Iterable[TenantModel]) -> TenantModels:
        """Index a tenant's models. Of two with one name, from two providers, the one of higher priority counts."""
        ordered = tuple(sorted(models, key=lambda each: (-each.priority, each.model_id)))
        enabled = [each for each in ordered if each.is_enabled]
        return cls(
            ordered,
            {each.name: each for each in reversed(enabled)},
            next((each for each in enabled if each.is_default), None),
        )
