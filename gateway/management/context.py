"""What the control plane is given to work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gateway.metering.endpoint_counts import EndpointCounts
from gateway.registry.deployments import Deployment
from gateway.registry.tenants import Tenant
from gateway.routing.explain import Foreseen
from gateway.storage.deliveries import DeliveryStore
from gateway.storage.deployments import DeploymentStore
from gateway.storage.endpoints import EndpointStore
from gateway.storage.keys import KeyStore
from gateway.storage.refresh import Registry
from gateway.storage.rows import Tables
from gateway.storage.tenants import TenantStore
from gateway.storage.webhooks import WebhookStore
from gateway.usage.reports import Reports
from gateway.webhooks.sender import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What one real call to a deployment came to. `status` is the upstream's, `latency_ms` milliseconds."""

    ok: bool
    status: int | None
    latency_ms: float | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementContext:
    """The stores, the registry that serves from them, a way to try a deployment out, and looks at the data plane.

    `tables` holds the management tokens. The stores announce their writes to other instances; `registry` is refreshed
    after each write, so that this instance serves it at once. `counts`: of this process's calls of the endpoint of a
    name. `resting`: seconds until this process calls the deployment of an id again, 0 when it would now.
    `foresee`: what would become of a tenant's call, by method, path and body. `sender` sends test events to webhooks.
    `usage`: what all tenants used.
    """

    tables: Tables
    deployments: DeploymentStore
    tenants: TenantStore
    endpoints: EndpointStore
    registry: Registry
    probe: Callable[[Deployment], Awaitable[ProbeResult]]
    counts: Callable[[str], EndpointCounts]
    resting: Callable[[str], float]
    foresee: Callable[[Tenant, str, str, bytes], Foreseen]
    usage: Reports
    webhooks: WebhookStore
    deliveries: DeliveryStore
    sender: Sender

    @property
    def keys(self) -> KeyStore:
        """The stored keys, from the one store of them."""
        return self.deployments.keys


async def _context(request: Request) -> ManagementContext:
    context: ManagementContext = request.app.state.context
    return context


Context = Annotated[ManagementContext, Depends(_context)]
