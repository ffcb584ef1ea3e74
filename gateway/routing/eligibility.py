"""Which deployments may serve a call (the contract's section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from gateway.errors import EndpointNotRunning, InvalidRequest, ModelNotFound, OperationNotSupported
from gateway.openai.operations import Operation
from gateway.openai.thing_ids import tag
from gateway.registry.deployments import Deployment
from gateway.registry.endpoints import Endpoint
from gateway.registry.snapshot import Snapshot
from gateway.registry.tenant_models import TenantModel, TenantModels
from gateway.registry.tenants import Tenant

ENDPOINT = "endpoint"
# So many pools are kept as single tenants see them; then they are made anew.
KEPT_POOLS = 4096


@dataclass(frozen=True, slots=True)
class Pool:
    """The candidates of a call, `size` of them, by priority tier (lowest number first).

    key: operation and model, or "endpoint" and its name; the model is "" for the pool of a class.
    """

    key: tuple[str, str]
    tiers: tuple[tuple[Deployment, ...], ...]
    size: int
    prompt_affinity: bool = False

    @property
    def is_endpoint(self) -> bool:
        """Whether this is the pool of a named endpoint, the second part of the key."""
        return self.key[0] == ENDPOINT


def tiers(deployments: Sequence[Deployment]) -> tuple[tuple[Deployment, ...], ...]:
    """Group deployments by priority, first tried first; inside a tier in the registry's order."""
    ordered = sorted(deployments, key=lambda each: each.priority)
    return tuple(tuple(tier) for _, tier in groupby(ordered, key=lambda each: each.priority))


class Directory:
    """The pools of one snapshot, made once, so that finding a call's pool is one look-up or two."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._pools: dict[tuple[str, str], Pool] = {}
        for operation, members in snapshot.class_pool.items():
            self._add((operation, ""), members)
        for model, listed in snapshot.by_model.items():
            for operation in {name for deployment in listed for name in deployment.operations}:
                self._add((operation, model), [each for each in listed if operation in each.operations])
        by_id = {deployment.id: deployment for deployment in snapshot.deployments if deployment.active}
        for endpoint in snapshot.endpoints.values():
            self._add((ENDPOINT, endpoint.name), members_of(endpoint, by_id), prompt_affinity=endpoint.prompt_affinity)
        # Pools as tenants with models of their own see them.
        self._narrowed: dict[tuple[str, tuple[str, str]], Pool] = {}
        self._homes = {tag(deployment_id): deployment for deployment_id, deployment in by_id.items()}

    def _add(self, key: tuple[str, str], members: Sequence[Deployment], *, prompt_affinity: bool = False) -> None:
        self._pools[key] = Pool(key, tiers(members), len(members), prompt_affinity)

    def pool_keys(self) -> Iterable[tuple[str, str]]:
        """The keys of all pools."""
        return self._pools.keys()

    def candidates(self, operation: Operation, model: str | None, tenant: Tenant) -> Pool:
        """The pool that serves `model` for `operation`.

        First an endpoint of that name, then the deployments that list the model, then the class pool, whatever the
        model is called. Of those only the ones that the tenant may call. Raises OperationNotSupported when the model is
        known but not for this operation, EndpointNotRunning, or ModelNotFound when nothing serves it.
        """
        if tenant.models and model not in tenant.models:
            raise _unknown(self._snapshot, operation, model, tenant)
        pool = self._pool(operation, model, tenant)
        configured = self._snapshot.models_of(tenant)
        if configured is None or (model in configured.by_name and not pool.is_endpoint):
            return pool
        narrowed = self._narrowed.get((tenant.id, pool.key))
        if narrowed is None:
            if len(self._narrowed) >= KEPT_POOLS:
                self._narrowed.clear()
            narrowed = self._narrowed[tenant.id, pool.key] = _narrowed(pool, configured)
        if not narrowed.size:
            raise _unknown(self._snapshot, operation, model, tenant)
        return narrowed

    def _pool(self, operation: Operation, model: str | None, tenant: Tenant) -> Pool:
        if model:
            endpoint = self._snapshot.endpoints.get(model)
            if endpoint is not None:
                return self._of_endpoint(endpoint, operation)
            pool = self._pools.get((operation.name, model))
            if pool is not None:
                return pool
            listed = self._snapshot.by_model.get(model)
            if listed:
                raise _unsupported(operation, model, listed)
        pool = self._pools.get((operation.name, ""))
        if pool is None:
            raise _unknown(self._snapshot, operation, model, tenant)
        return pool

    def _of_endpoint(self, endpoint: Endpoint, operation: Operation) -> Pool:
        if endpoint.endpoint_type != operation.name:
            raise OperationNotSupported(
                f"The endpoint '{endpoint.name}' does not support {operation.name}; "
                f"it supports: {endpoint.endpoint_type}.",
                capability=operation.name,
                provider=endpoint.name,
            )
        pool = self._pools[ENDPOINT, endpoint.name]
        if endpoint.status != "running" or not pool.size:
            why = f"is {endpoint.status}" if endpoint.status != "running" else "has no active deployment"
            raise EndpointNotRunning(f"The endpoint '{endpoint.name}' {why}.", param="model")
        return pool

    def home(self, home: str, operation: Operation) -> Pool | None:
        """The pool of the one deployment where a thing lives, by the digest in the thing's id; None if it is gone."""
        deployment = self._homes.get(home)
        if deployment is None or operation.name not in deployment.operations:
            return None
        return Pool((operation.name, ""), ((deployment,),), 1)


def _narrowed(pool: Pool, configured: TenantModels) -> Pool:
    """The part of a pool that serves one of these models."""
    allowed = tuple(tuple(each for each in tier if served_as(each, configured)) for tier in pool.tiers)
    size = sum(map(len, allowed))
    return pool if size == pool.size else replace(pool, tiers=allowed, size=size)


def served_as(deployment: Deployment, configured: TenantModels) -> TenantModel | None:
    """Which of a tenant's models a deployment serves; None for none of them."""
    for name in (deployment.deployment_name, *deployment.models):
        if name in configured.by_name:
            return configured.by_name[name]
    return None


def members_of(endpoint: Endpoint, active: Mapping[str, Deployment]) -> list[Deployment]:
    """The deployments of an endpoint as it uses them: with its weights, priorities and default parameters.

    One that no longer serves the endpoint's type is left out, as one that is not active is.
    """
    return [
        replace(deployment, weight=each.weight, priority=each.priority, defaults=each.litellm_params)
        for each in endpoint.models
        if (deployment := active.get(each.deployment_id)) is not None
        and endpoint.endpoint_type in deployment.operations
        and each.weight > 0
    ]


def usable_models(snapshot: Snapshot, tenant: Tenant) -> dict[str, Deployment]:
    """Every model name a tenant may ask for, each with a deployment that serves it, in order of name.

    A pool of a class answers to any name; it is listed by the deployment names of its members.
    """
    found: dict[str, Deployment] = {}
    for members in snapshot.class_pool.values():
        for deployment in members:
            found.setdefault(deployment.deployment_name, deployment)
    for model, listed in snapshot.by_model.items():
        found[model] = listed[0]
    by_id = {deployment.id: deployment for deployment in snapshot.deployments if deployment.active}
    for endpoint in snapshot.endpoints.values():
        serving = members_of(endpoint, by_id)
        if endpoint.status == "running" and serving:
            found[endpoint.name] = replace(serving[0], operations=(endpoint.endpoint_type,))
    configured = snapshot.models_of(tenant)
    if configured is not None:
        found = {
            name: each for name, each in found.items() if name in configured.by_name or served_as(each, configured)
        }
    return {name: found[name] for name in sorted(found) if not tenant.models or name in tenant.models}


def _unsupported(operation: Operation, model: str, listed: Iterable[Deployment]) -> OperationNotSupported:
    served = sorted({name for deployment in listed for name in deployment.operations})
    return OperationNotSupported(
        f"The model '{model}' does not support {operation.name}; it supports: {', '.join(served)}.",
        capability=operation.name,
        provider=model,
    )


def _unknown(
    snapshot: Snapshot, operation: Operation, model: str | None, tenant: Tenant
) -> ModelNotFound | InvalidRequest:
    usable = [name for name, each in usable_models(snapshot, tenant).items() if operation.name in each.operations]
    names = ", ".join(usable[:20]) + (", …" if len(usable) > 20 else "") if usable else "none"
    if model is None:
        return InvalidRequest(
            f"'model' is missing. Models you may use for {operation.name}: {names}.",
            param="model",
            code="missing_model",
        )
    return ModelNotFound(
        f"The model '{model}' does not exist or you do not have access to it. "
        f"Models you may use for {operation.name}: {names}.",
        param="model",
    )
