"""All that the data plane serves from: immutable, in memory, swapped whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.registry.deployments import Deployment
from gateway.registry.endpoints import Endpoint
from gateway.registry.tenant_models import TenantModel, TenantModels
from gateway.registry.tenants import ApiKey, Tenant


@dataclass(frozen=True, slots=True)
class Caller:
    """An API key, the tenant it belongs to, and the models which that tenant configured."""

    key: ApiKey
    tenant: Tenant
    models: TenantModels = field(default_factory=TenantModels)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Snapshot:
    """The registry at one moment, with the look-ups that a request needs already made.

    by_model: active deployments that list a model, under each name. class_pool: active deployments that list none,
    under each operation they serve. Neither has a deployment that an endpoint registered for itself. callers: by the
    public id of the API key. endpoints: by name. id_secret: seals the ids of things that live at one deployment.
    wanted_events: the types of events that some webhook asks for. tenant_models: by the id of the tenant that uses
    them. closed: whether a tenant that has none may call none. recognized: callers that were identified, by the header
    that held their key: its name, and the SHA-256 of its value.
    """

    deployments: tuple[Deployment, ...] = ()
    by_model: dict[str, tuple[Deployment, ...]] = field(default_factory=dict)
    class_pool: dict[str, tuple[Deployment, ...]] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    id_secret: bytes = field(default=b"", repr=False)
    wanted_events: frozenset[str] = frozenset()
    tenant_models: dict[str, TenantModels] = field(default_factory=dict)
    closed: bool = False
    recognized: dict[tuple[bytes, bytes], Caller] = field(default_factory=dict, compare=False, repr=False)

    def models_of(self, tenant: Tenant) -> TenantModels | None:
        """The models that decide what a tenant may call; None when it may call any."""
        return self.tenant_models.get(tenant.id) or (_NONE if self.closed else None)


_NONE = TenantModels()


def build(
    deployments: Iterable[Deployment],
    tenants: Iterable[Tenant],
    keys: Iterable[ApiKey],
    endpoints: Iterable[Endpoint] = (),
    id_secret: bytes = b"",
    tenant_models: Iterable[TenantModel] = (),
    wanted_events: Iterable[str] = (),
    closed: bool = False,
) -> Snapshot:
    """Index what storage holds. Keys whose tenant is gone are left out."""
    everything = tuple(sorted(deployments, key=lambda each: each.id))
    by_model: dict[str, list[Deployment]] = {}
    class_pool: dict[str, list[Deployment]] = {}
    for deployment in everything:
        if not deployment.active or deployment.endpoint_id is not None:
            continue
        for model in deployment.models:
            by_model.setdefault(model, []).append(deployment)
        if not deployment.models:
            for operation in deployment.operations:
                class_pool.setdefault(operation, []).append(deployment)
    owners = {tenant.id: tenant for tenant in tenants}
    configured: dict[str, list[TenantModel]] = {}
    for each in tenant_models:
        configured.setdefault(each.tenant_id, []).append(each)
    tenant_models_of = {tenant_id: TenantModels.of(models) for tenant_id, models in configured.items()}
    return Snapshot(
        deployments=everything,
        by_model={model: tuple(members) for model, members in by_model.items()},
        class_pool={operation: tuple(members) for operation, members in class_pool.items()},
        callers={
            key.id: Caller(key, owners[key.tenant_id], tenant_models_of.get(key.tenant_id, _NONE))
            for key in keys
            if key.tenant_id in owners
        },
        endpoints={endpoint.name: endpoint for endpoint in endpoints},
        id_secret=id_secret,
        wanted_events=frozenset(wanted_events),
        tenant_models=tenant_models_of,
        closed=closed,
    )
