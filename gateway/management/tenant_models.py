"""Tenants and their API keys as the management API takes them and as it shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.management import rules
from gateway.management.body import Body
from gateway.registry.tenants import ApiKey, Tenant

_TENANT: dict[str, Any] = {
    "id": "contoso",
    "name": "Contoso",
    "active": True,
    "models": ["gpt-4o"],
    "start_utc": None,
    "end_utc": "2027-01-01T00:00:00Z",
    "permissions": [],
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
_PERMISSIONS = "What its keys may do beside calling: `catalog:write` lets them change the catalog of models."
_END = "Its keys may call until this moment; null: without an end. After `start_utc`."


class TenantChange(Body):
    """What to change of a tenant. What is left out stays; null resets an optional field to its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False}]})

    name: rules.TenantName | None = Field(None, description=_NAME + " Null is not allowed.")
    active: bool | None = Field(True, description=_ACTIVE)
    models: rules.Models | None = Field([], description=_MODELS)
    start_utc: rules.Utc | None = Field(None, description=_START)
    end_utc: rules.Utc | None = Field(None, description=_END)
    permissions: rules.Permissions | None = Field([], description=_PERMISSIONS)


class TenantCreation(TenantChange):
    """A tenant to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Contoso", "models": ["gpt-4o"], "end_utc": "2027-01-01T00:00:00Z"}]}
    )

    name: rules.TenantName = Field(description=_NAME)
    id: rules.Name | None = Field(
        None, description="Its id in addresses, for good. Default: made from the name, or by chance if none can be."
    )


class TenantView(BaseModel):
    """A tenant as it is stored."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TENANT]})

    id: str = Field(description="Its id in addresses.")
    name: str = Field(description=_NAME)
    active: bool = Field(description=_ACTIVE)
    models: list[str] = Field(description=_MODELS)
    start_utc: datetime | None = Field(description=_START)
    end_utc: datetime | None = Field(description=_END)
    permissions: list[str] = Field(description=_PERMISSIONS)
    created_at: datetime = Field(description="When it was made, in UTC.")

    @classmethod
    def of(cls, tenant: Tenant) -> TenantView:
        """The view of a tenant."""
        plain = {name: getattr(tenant, name) for name in cls.model_fields}
        return cls(**{**plain, "models": list(tenant.models), "permissions": list(tenant.permissions)})


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
