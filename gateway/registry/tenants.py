"""Callers: tenants, and the API keys their clients send."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from gateway.registry.limits import Limits

PREFIX = "rh"

CATALOG_WRITE = "catalog:write"
MODELS_WRITE = "models:write"
PERMISSIONS = (CATALOG_WRITE, MODELS_WRITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Who calls. `models`: the only models its keys may call; empty: all. The window is UTC, either end open.

    `permissions`: what its keys may do beside calling, each one of PERMISSIONS. `limits`: of all its calls together, in
    windows of `time_zone` (an IANA name). `max_token_cap`: the most tokens that one answer may have. `identity`: this
    very tenant; one that gets the id of a deleted one is another, and finds nothing of it.
    """

    id: str
    name: str
    active: bool = True
    models: tuple[str, ...] = ()
    start_utc: datetime | None = None
    end_utc: datetime | None = None
    permissions: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    max_token_cap: int | None = None
    time_zone: str = "UTC"
    created_at: datetime
    identity: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Every call asks for it several times over.
        object.__setattr__(self, "identity", f"{self.id}@{self.created_at.timestamp():.0f}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What a tenant's client sends: `rh-<public id>-<secret>`. Only the SHA-256 of the whole is kept."""

    id: str
    tenant_id: str
    name: str
    sha256: str = field(repr=False)
    created_at: datetime

    def matches(self, presented: str) -> bool:
        """Whether this is the key that was presented; takes the same time for every wrong one."""
        return hmac.compare_digest(self.sha256, fingerprint(presented))


def compose(public_id: str, secret: str) -> str:
    """The key as its tenant sees it, once."""
    return f"{PREFIX}-{public_id}-{secret}"


def public_id(presented: str) -> str | None:
    """The part of a presented key that may stand in a log; None if it is no key of ours."""
    parts = presented.split("-", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else None


def fingerprint(presented: str) -> str:
    """SHA-256, hexadecimal. Right for keys of 32 random bytes: there is nothing to guess that a salt would slow."""
    return hashlib.sha256(presented.encode()).hexdigest()
