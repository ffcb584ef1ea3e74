"""The limits of a tenant, or of one of its models, as the APIs take them and as they show them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from gateway.management.body import Body
from gateway.registry.limits import FIELDS, Limits

# So many fit into storage's 64 bits; of dollars when they are counted in billionths.
MAX_COUNT = 1_000_000_000_000_000
MAX_DOLLARS = 1_000_000_000

Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Dollars = Annotated[float, Field(ge=0, le=MAX_DOLLARS, allow_inf_nan=False)]

_RPM = "Requests in a minute."
_TPM = "Tokens in a minute, input and output."
_MINUTE_COST = "US dollars in a minute."
_DAILY_REQUESTS = "Requests in a day."
_DAILY_TOKENS = "Tokens in a day, input and output."
_DAILY_COST = "US dollars in a day."
_MONTHLY_REQUESTS = "Requests in a calendar month."
_MONTHLY_TOKENS = "Tokens in a calendar month, input and output."
_MONTHLY_COST = "US dollars in a calendar month."


class LimitsChange(Body):
    """Limits to set. What is left out stays; null: no limit; 0 lets nothing through."""

    rpm: Count | None = Field(None, description=_RPM)
    tpm: Count | None = Field(None, description=_TPM)
    minute_cost_limit: Dollars | None = Field(None, description=_MINUTE_COST)
    daily_request_limit: Count | None = Field(None, description=_DAILY_REQUESTS)
    daily_token_limit: Count | None = Field(None, description=_DAILY_TOKENS)
    daily_cost_limit: Dollars | None = Field(None, description=_DAILY_COST)
    monthly_request_limit: Count | None = Field(None, description=_MONTHLY_REQUESTS)
    monthly_token_limit: Count | None = Field(None, description=_MONTHLY_TOKENS)
    monthly_cost_limit: Dollars | None = Field(None, description=_MONTHLY_COST)

    def given_limits(self) -> dict[str, Any]:
        """The limits that the body names, null among them."""
        return {name: getattr(self, name) for name in FIELDS if name in self.model_fields_set}


class LimitsView(BaseModel):
    """Limits as they are stored; null: no limit."""

    rpm: int | None = Field(description=_RPM)
    tpm: int | None = Field(description=_TPM)
    minute_cost_limit: float | None = Field(description=_MINUTE_COST)
    daily_request_limit: int | None = Field(description=_DAILY_REQUESTS)
    daily_token_limit: int | None = Field(description=_DAILY_TOKENS)
    daily_cost_limit: float | None = Field(description=_DAILY_COST)
    monthly_request_limit: int | None = Field(description=_MONTHLY_REQUESTS)
    monthly_token_limit: int | None = Field(description=_MONTHLY_TOKENS)
    monthly_cost_limit: float | None = Field(description=_MONTHLY_COST)


def limits_shown(limits: Limits) -> dict[str, Any]:
    """The fields of a view of limits."""
    return {name: getattr(limits, name) for name in FIELDS}
