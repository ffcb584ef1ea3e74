"""How the calls of an endpoint go, as its API shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_LATENCY: dict[str, Any] = {"p50": 412.7, "p95": 980.2, "p99": 1730.4}
_MODEL: dict[str, Any] = {
    "id": "1b6e9d70f4c84a2f93c5d8e7a0b14f26",
    "deployment": "gpt-4o-east",
    "weight": 1.0,
    "priority": 0,
    "cooling_seconds": 0.0,
}


class LatencyView(BaseModel):
    """Milliseconds until the answers of the latest 1,000 calls began."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LATENCY]})

    p50: float | None = Field(description="What half of the calls did not exceed; null before the first call.")
    p95: float | None = Field(description="What 95 of 100 calls did not exceed.")
    p99: float | None = Field(description="What 99 of 100 calls did not exceed.")


class ModelStatusView(BaseModel):
    """How one model of an endpoint stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MODEL]})

    id: str = Field(description="Its id in this endpoint.")
    deployment: str = Field(description="Its deployment, as the endpoint names it.")
    weight: float = Field(description="Its share of the calls of its priority.")
    priority: int = Field(description="Lower is tried first; higher stands by.")
    cooling_seconds: float = Field(description="Seconds until this instance calls it again; 0 when it would now.")


class EndpointStatusView(BaseModel):
    """How an endpoint stands, and how its calls go on the instance that answers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "endpoint_id": "7d1f0a52c6e94b0d8f3b2a61e5c47d90",
                    "name": "support-chat",
                    "status": "running",
                    "started_at": "2026-11-20T09:05:00Z",
                    "stopped_at": None,
                    "scope": "instance",
                    "requests": 1284,
                    "errors": 3,
                    "error_rate": 0.0023,
                    "in_flight": 2,
                    "latency_ms": _LATENCY,
                    "models": [_MODEL],
                }
            ]
        }
    )

    endpoint_id: str = Field(description="Its id.")
    name: str = Field(description="Its name.")
    status: str = Field(description="`running` or `stopped`.")
    started_at: datetime | None = Field(description="When it was last started; null: never.")
    stopped_at: datetime | None = Field(description="When it was last stopped; null: never.")
    scope: Literal["instance"] = Field(
        description="What the numbers below are of: the calls by this name on the instance that answers, since it"
        " started. Other instances have their own.",
    )
    requests: int = Field(description="Calls that have ended.")
    errors: int = Field(description="Those of them that failed: 429, 5xx, or an answer that broke off.")
    error_rate: float = Field(description="The failed part of all, from 0 to 1.")
    in_flight: int = Field(description="Calls that are under way.")
    latency_ms: LatencyView = Field(description="Milliseconds until an answer began.")
    models: list[ModelStatusView] = Field(description="Its models, as this instance sees them.")
