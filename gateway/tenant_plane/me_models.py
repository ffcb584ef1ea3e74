"""What a tenant is told of itself: who it is, what it may, and how its limits stand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.limits.accounts import Standing
from gateway.registry.limits import dollars
from gateway.registry.snapshot import Caller
from gateway.tenant_plane.forecast import exhausted_at
from gateway.tenant_plane.moments import Moment
from gateway.tenant_plane.usage_models import MODEL_ID, ModelUsage

_LIMIT: dict[str, Any] = {
    "name": "tokens_day",
    "metric": "tokens",
    "period": "day",
    "limit": 500000,
    "used": 234567,
    "remaining": 265433,
    "resets_at": "2026-11-21T00:00:00Z",
    "exhausted_at": "2026-11-20T19:10:53Z",
}
_USED: dict[str, Any] = {"tokens": 234567, "requests": 845, "cost": 4.69}
_TENANT: dict[str, Any] = {
    "id": "contoso",
    "name": "Contoso",
    "start_utc": None,
    "end_utc": "2027-01-01T00:00:00Z",
    "time_zone": "UTC",
    "max_token_cap": 4096,
    "permissions": [],
}
_MODEL: dict[str, Any] = {
    "model_id": MODEL_ID,
    "model_identifier": "amazon.titan-embed-text-v2:0",
    "provider": "bedrock",
    "is_configured": True,
    "is_enabled": True,
    "is_default": True,
    "limits": [_LIMIT],
    "used_today": _USED,
    "used_this_month": _USED,
}


class MyTenant(BaseModel):
    """The tenant that the key belongs to."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TENANT]})

    id: str = Field(description="Its id.")
    name: str = Field(description="Its name, for people.")
    start_utc: Moment | None = Field(description="Its keys may call from this moment on; null: they may already.")
    end_utc: Moment | None = Field(description="Its keys may call until this moment; null: without an end.")
    time_zone: str = Field(description="Its days and months begin at midnight there.")
    max_token_cap: int | None = Field(description="The most tokens that one answer may have; null: no such limit.")
    permissions: list[str] = Field(description="What its keys may do beside calling.")


class MyKey(BaseModel):
    """The API key that was sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "3f9ac2e1b07d", "name": "ci"}]})

    id: str = Field(description="The public part of it.")
    name: str = Field(description="What it is for.")


class LimitStanding(BaseModel):
    """How one limit stands. Requests and tokens are whole numbers, costs US dollars."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LIMIT]})

    name: str = Field(description="Metric and period: `requests_minute`, `tokens_day`, `cost_month`, …")
    metric: str = Field(description="`requests`, `tokens` or `cost`.")
    period: str = Field(description="`minute`, `day` or `month`.")
    limit: int | float = Field(description="The most of it in a period.")
    used: int | float = Field(description="What was used; calls that are running count with what they reserved.")
    remaining: int | float = Field(description="What can be had now.")
    resets_at: Moment = Field(description="When the next period begins, exactly.")
    exhausted_at: Moment | None = Field(
        description="When it will be used up if things go on as they did in this period; null: not before it resets."
    )

    @classmethod
    def of(cls, standing: Standing, now: datetime) -> LimitStanding:
        """The view of a limit's standing."""
        limit = standing.limit
        unit = dollars if limit.metric == "cost" else int
        return cls(
            name=limit.name,
            metric=limit.metric,
            period=limit.period,
            limit=unit(limit.amount),
            used=unit(standing.used),
            remaining=unit(standing.remaining),
            resets_at=standing.window.end,
            exhausted_at=exhausted_at(standing, now),
        )


class MyModel(BaseModel):
    """A model that the tenant configured, or called this month."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MODEL]})

    model_id: str = Field(description="The model's `id` in the catalog.")
    model_identifier: str | None = Field(description="The provider's own name of it; null when it is not known.")
    provider: str | None = Field(description="Who offers it; null when it is not known.")
    is_configured: bool = Field(description="Whether it is one of the tenant's models.")
    is_enabled: bool = Field(description="Whether it is configured and enabled.")
    is_default: bool = Field(description="Whether it is the default.")
    limits: list[LimitStanding] = Field(description="Its own limits; the tenant's hold as well.")
    used_today: ModelUsage = Field(description="What its calls came to today (UTC).")
    used_this_month: ModelUsage = Field(description="What its calls came to this month (UTC).")


class MeAnswer(BaseModel):
    """Who calls, what it may, what it used, and how much is left."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tenant": _TENANT,
                    "key": {"id": "3f9ac2e1b07d", "name": "ci"},
                    "allowed_models": ["amazon.titan-embed-text-v2:0"],
                    "limits": [_LIMIT],
                    "used_today": _USED,
                    "used_this_month": _USED,
                    "models": [_MODEL],
                }
            ]
        }
    )

    tenant: MyTenant = Field(description="The tenant that the key belongs to.")
    key: MyKey = Field(description="The API key that was sent.")
    allowed_models: list[str] | None = Field(description="The only models that it may call; null: all.")
    limits: list[LimitStanding] = Field(description="The tenant's own limits; one that is not set is left out.")
    used_today: ModelUsage = Field(description="What all its calls came to today (UTC).")
    used_this_month: ModelUsage = Field(description="What all its calls came to this month (UTC).")
    models: list[MyModel] = Field(description="The same by model: those it configured, and those it called this month.")


def my_tenant(caller: Caller) -> MyTenant:
    """The view of a caller's tenant."""
    plain = {name: getattr(caller.tenant, name) for name in MyTenant.model_fields}
    return MyTenant(**{**plain, "permissions": list(caller.tenant.permissions)})
