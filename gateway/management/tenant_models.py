"""Tenants and their API keys as the management API takes them and as it shows them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.management import rules
from gateway.management.body import Body
from gateway.management.tenant_limits import LimitsChange, LimitsView, limits_shown
from gateway.registry.limits import FIELDS
from gateway.registry.tenants import ApiKey, Tenant
from gateway.registry.time_zones import time_zones

_TENANT: dict[str, Any] = {
    "id": "contoso",
    "name": "Contoso",
    "active": True,
    "models": ["gpt-4o"],
    "start_utc": None,
    "end_utc": "2027-01-01T00:00:00Z",
    "permissions": [],
    "max_token_cap": 4096,
    "time_zone": "Europe/Berlin",
    **dict.fromkeys(FIELDS),
    "rpm": 60,
    "daily_token_limit": 500000,
    "monthly_cost_limit": 250.0,
    "created_at": "2026-11-20T09:00:00Z",
}
_KEY: dict[str, Any] = {
    "id": "3f9ac2e1b07d",
    "name": "ci",
    "tenant_id": "contoso",
    "created_at": "2026-11-20T09:00:00Z",
}

_NAME = "Its name, for people."
_ACTIVE = "Whether its API keys may call; if not, they get 403."
_MODELS = "The only models its keys may call; with none, they may call all."
_START = "Its keys may call from this moment on; null: at once. UTC when no offset is given."
_PERMISSIONS = (
    "What its keys may do beside calling: `catalog:write` lets them change the catalog of models, `models:write` the"
    " tenant's own models."
)
_MOST_TOKENS = "The most tokens that one answer may have; null: as many as the model gives."
_TIME_ZONE = "An IANA time zone, such as `Europe/Berlin`: its days and months begin at midnight there."
_END = "Its keys may call until this moment; null: without an end. After `start_utc`."


def _time_zone(name: str) -> str:
    if name not in time_zones():
        raise ValueError(f"must be {ZONE.rule}{rules.suggestion(name, time_zones())}")
    return name


TokenCap = Annotated[int, Field(ge=1, le=rules.MAX_PER_MINUTE)]
ZONE = rules.Shape(re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}"), "an IANA time zone, such as 'Europe/Berlin'", 64)
TimeZone = Annotated[str, ZONE, AfterValidator(_time_zone)]


class TenantFields(Body):
    """What can be said of a tenant beside its limits."""

    name: rules.TenantName | None = Field(None, description=_NAME + " Null is not allowed.")
    active: bool | None = Field(True, description=_ACTIVE)
    models: rules.Models | None = Field([], description=_MODELS)
    start_utc: rules.Utc | None = Field(None, description=_START)
    end_utc: rules.Utc | None = Field(None, description=_END)
    permissions: rules.Permissions | None = Field([], description=_PERMISSIONS)
    max_token_cap: TokenCap | None = Field(None, description=_MOST_TOKENS)
    time_zone: TimeZone | None = Field("UTC", description=_TIME_ZONE)


class TenantChange(LimitsChange, TenantFields):
    """What to change of a tenant. What is left out stays; null resets an optional field to its default.

    A limit that is null is none; one of 0 lets nothing through.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False, "daily_token_limit": 500000}]})


class TenantCreation(TenantChange):
    """A tenant to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Contoso", "models": ["gpt-4o"], "end_utc": "2027-01-01T00:00:00Z"}]}
    )

    name: rules.TenantName = Field(description=_NAME)
    id: rules.Name | None = Field(
        None, description="Its id in addresses, for good. Default: made from the name, or by chance if none can be."
    )


class TenantFacts(BaseModel):
    """What is shown of a tenant beside its limits."""

    id: str = Field(description="Its id in addresses.")
    name: str = Field(description=_NAME)
    active: bool = Field(description=_ACTIVE)
    models: list[str] = Field(description=_MODELS)
    start_utc: datetime | None = Field(description=_START)
    end_utc: datetime | None = Field(description=_END)
    permissions: list[str] = Field(description=_PERMISSIONS)
    max_token_cap: int | None = Field(description=_MOST_TOKENS)
    time_zone: str = Field(description=_TIME_ZONE)


class TenantView(LimitsView, TenantFacts):
    """A tenant as it is stored. A limit that is null is none."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TENANT]})

    created_at: datetime = Field(description="When it was made, in UTC.")

    @classmethod
    def of(cls, tenant: Tenant) -> TenantView:
        """The view of a tenant."""
        plain = {name: getattr(tenant, name) for name in cls.model_fields.keys() - set(FIELDS)}
        lists = {"models": list(tenant.models), "permissions": list(tenant.permissions)}
        return cls(**{**plain, **lists, **limits_shown(tenant.limits)})


class KeyCreation(Body):
    """An API key to make."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "ci"}]})

    name: rules.TenantName | None = Field(None, description="What it is for. Default: `default`.")


class KeyView(BaseModel):
    """An API key, without what a client would send."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY]})

    id: str = Field(description="The public part of the key: it may stand in logs.")
    name: str = Field(description="What it is for.")
    tenant_id: str = Field(description="The tenant it belongs to.")
    created_at: datetime = Field(description="When it was made, in UTC.")

    @classmethod
    def of(cls, key: ApiKey) -> KeyView:
        """The view of a key; neither the key nor its hash gets past this line."""
        return cls(id=key.id, name=key.name, tenant_id=key.tenant_id, created_at=key.created_at)


class NewKeyView(KeyView):
    """An API key just made: the only answer that shows it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_KEY, "api_key": "rh-3f9ac2e1b07d-Zp8Wm1hRkq0vXc5yTn2bGd7LsJe4uAf9iOo3KwEx6Yg"}]
        }
    )

    api_key: str = Field(
        description="What the tenant's client sends. Kept as a hash only: it is shown this once and can't be had again."
    )
