"""What the control plane is given to work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gateway.registry.deployments import Deployment
from gateway.storage.deployments import DeploymentStore
from gateway.storage.refresh import Registry
from gateway.storage.rows import Tables
from gateway.storage.tenants import TenantStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What one real call to a deployment came to. `status` is the upstream's, `latency_ms` milliseconds."""

    ok: bool
    status: int | None
    latency_ms: float | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementContext:
    """The stores, the registry that serves from them, and a way to try a deployment out.

    `tables` holds the management tokens. The stores announce their writes to other instances; `registry` is refreshed
    after each write, so that this instance serves it at once.
    """

    tables: Tables
    deployments: DeploymentStore
    tenants: TenantStore
    registry: Registry
    probe: Callable[[Deployment], Awaitable[ProbeResult]]


async def _context(request: Request) -> ManagementContext:
    context: ManagementContext = request.app.state.context
    return context


Context = Annotated[ManagementContext, Depends(_context)]
