"""The record of one call: who, what, where, how long, how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gateway.openai.tokens import Tokens

Provenance = Literal["measured", "estimated", "unpriced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call, as it ended.

    at: when it came (UTC). tenant: its identity (Tenant.identity); tenant_id: its id; key_id: the API key's public id.
    model: what the caller asked for; deployment: the id of the one that answered, None when none did; provider and
    upstream_model: that deployment's; model_id: the catalog's UUID of it. endpoint: the name of the named endpoint.
    status: HTTP; 499 when the caller left, 0 when the stream broke off. Times are milliseconds. measured: whether the
    upstream told the tokens; False: they are estimated.
    """

    request_id: str
    at: datetime
    tenant: str
    tenant_id: str
    key_id: str
    operation: str
    model: str | None
    deployment: str | None
    provider: str | None
    upstream_model: str | None
    model_id: str | None
    endpoint: str | None
    status: int
    attempts: int
    streamed: bool
    latency_ms: float
    first_byte_ms: float | None
    tokens: Tokens = field(default_factory=Tokens)
    measured: bool = True
