"""Usage and quotas as the tenant plane shows them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from gateway.limits.accounts import Standing
from gateway.metering.rollups import Totals
from gateway.registry.limits import dollars
from gateway.registry.tenant_models import TenantModel
from gateway.tenant_plane.moments import Moment

MODEL_ID = "550e8400-e29b-41d4-a716-446655440000"

_COST = "US dollars, of the calls whose price is known."
_USED = "What was used of it in the running window; calls that are running count with what they reserved."


class ModelUsage(BaseModel):
    """What the calls of one model came to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tokens": 3234567, "requests": 8345, "cost": 64.69}]})

    tokens: int = Field(description="Input and output.")
    requests: int = Field(description="Calls, failed ones too.")
    cost: float = Field(description=_COST)

    @classmethod
    def of(cls, totals: Totals) -> ModelUsage:
        """The view of totals."""
        return cls(tokens=totals.total_tokens, requests=totals.requests, cost=dollars(totals.cost))


class UsageAnswer(BaseModel):
    """What a tenant used in the running day or month. Days and months are UTC's here."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "period": "month",
                    "start_time": "2026-11-01T00:00:00Z",
                    "end_time": "2026-11-30T23:59:59Z",
                    "total_tokens": 3234567,
                    "total_requests": 8345,
                    "total_cost": 64.69,
                    "by_model": {MODEL_ID: {"tokens": 3234567, "requests": 8345, "cost": 64.69}},
                }
            ]
        }
    )

    period: str = Field(description="`day` or `month`.")
    start_time: Moment = Field(description="Its first second.")
    end_time: Moment = Field(description="Its last second.")
    total_tokens: int = Field(description="Input and output, of all models, or of the one that was asked for.")
    total_requests: int = Field(description="Calls, failed ones too.")
    total_cost: float = Field(description=_COST)
    by_model: dict[str, ModelUsage] = Field(
        description="The same by model, under its `id` in the catalog; calls of models without one are in totals alone."
    )


class QuotaView(BaseModel):
    """How three limits of a tenant's model stand; `GET /api/v1/me` has the others. A limit that is null is none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model_id": MODEL_ID,
                    "monthly_token_limit": 10000000,
                    "monthly_tokens_used": 5234567,
                    "daily_token_limit": 500000,
                    "daily_tokens_used": 234567,
                    "monthly_request_limit": 10000,
                    "monthly_requests_used": 4567,
                    "is_within_limits": True,
                }
            ]
        }
    )

    model_id: str = Field(description="The model's `id` in the catalog.")
    monthly_token_limit: int | None = Field(description="Tokens in a calendar month.")
    monthly_tokens_used: int = Field(description=_USED)
    daily_token_limit: int | None = Field(description="Tokens in a day.")
    daily_tokens_used: int = Field(description=_USED)
    monthly_request_limit: int | None = Field(description="Requests in a calendar month.")
    monthly_requests_used: int = Field(description=_USED)
    is_within_limits: bool = Field(description="Whether every limit of the model, also one not shown here, is unspent.")

    @classmethod
    def of(cls, model: TenantModel, standings: list[Standing], day: Totals, month: Totals) -> QuotaView:
        """The view of a model's standings; where it has no limit, of what its calls that did not fail came to."""
        used = {each.limit.name: each.used for each in standings}
        return cls(
            model_id=model.model_id,
            monthly_token_limit=model.limits.monthly_token_limit,
            monthly_tokens_used=used.get("tokens_month", month.total_tokens),
            daily_token_limit=model.limits.daily_token_limit,
            daily_tokens_used=used.get("tokens_day", day.total_tokens),
            monthly_request_limit=model.limits.monthly_request_limit,
            monthly_requests_used=used.get("requests_month", month.requests - month.failed),
            is_within_limits=all(each.used < each.limit.amount for each in standings),
        )


class QuotasAnswer(BaseModel):
    """How the limits of a tenant's models stand."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tenant_id": "contoso",
                    "quotas": [
                        {
                            "model_id": MODEL_ID,
                            "monthly_token_limit": 10000000,
                            "monthly_tokens_used": 5234567,
                            "daily_token_limit": 500000,
                            "daily_tokens_used": 234567,
                            "monthly_request_limit": 10000,
                            "monthly_requests_used": 4567,
                            "is_within_limits": True,
                        }
                    ],
                }
            ]
        }
    )

    tenant_id: str = Field(description="The tenant's id.")
    quotas: list[QuotaView] = Field(description="One for each of its models, by priority.")
