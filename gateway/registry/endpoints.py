"""The endpoint: a named, typed group of deployments that a client calls by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["running", "stopped", "starting", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointModel:
    """One deployment's part in an endpoint.

    deployment_id: `{class}/{friendly name}`. weight: its share of the traffic of its priority tier. litellm_params:
    parameters added where a request leaves them out.
    """

    id: str
    deployment_id: str
    weight: float
    priority: int = 0
    litellm_params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A group of deployments under one name. endpoint_type: the name of the operation it serves.

    prompt_affinity: whether calls that share `prompt_cache_key`, else `user`, stay at one deployment while they can.
    """

    id: str
    name: str
    endpoint_type: str
    models: tuple[EndpointModel, ...]
    status: Status = "stopped"
    prompt_affinity: bool = False
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    stopped_at: datetime | None = None
