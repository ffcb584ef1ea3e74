"""The models of an endpoint: pure, so that the store may try a change again after another writer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.errors import InvalidRequest, NotFound
from gateway.management.endpoint_models import ModelSpec, short_name
from gateway.management.upsert import problems
from gateway.openai.operations import Operation
from gateway.registry.deployments import Deployment
from gateway.registry.endpoints import Endpoint, EndpointModel
from gateway.registry.keys import Key
from gateway.routing.eligibility import members_of
from gateway.upstream.providers import PROVIDERS

TOLERANCE = 0.001
MAX_NAME = 64

# The fields of a deployment that a model gives under another name.
_FIELDS = {"deployment_name": "model_name"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A model as it was asked for. given_id: what the body says its id is. new: the deployment to register for it."""

    id: str
    deployment_id: str
    weight: float | None
    priority: int
    litellm_params: Mapping[str, Any] = field(default_factory=dict)
    given_id: str | None = None
    new: Deployment | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """What models may refer to, by id."""

    deployments: Mapping[str, Deployment]
    keys: Mapping[str, Key]


def member(
    spec: ModelSpec, where: str, model_id: str, endpoint_id: str, operation: Operation, registered: Registered
) -> Member:
    """The model that a spec describes, for an endpoint of this operation; `where` names it in errors.

    Raises InvalidRequest.
    """
    if spec.deployment is not None:
        new, deployment_id = None, _named(spec, where, endpoint_id, operation, registered)
    else:
        new = _described(spec, where, model_id, endpoint_id, operation, registered)
        deployment_id = new.id
    return Member(
        id=model_id,
        deployment_id=deployment_id,
        weight=spec.weight,
        priority=spec.priority,
        litellm_params=spec.litellm_params,
        given_id=spec.id,
        new=new,
    )


def _named(spec: ModelSpec, where: str, endpoint_id: str, operation: Operation, registered: Registered) -> str:
    """The id of the registered deployment that a spec names."""
    text = str(spec.deployment)
    found = registered.deployments.get(text if "/" in text else f"{operation.deployment_class}/{text}")
    if found is None:
        raise _wrong(
            f"{where}.deployment",
            f"names no deployment: {text!r} is not in class {operation.deployment_class}; one of another class is named"
            " class/name"
            if "/" not in text
            else f"names no deployment: there is no {text!r}",
        )
    if found.endpoint_id not in (None, endpoint_id):
        raise _wrong(f"{where}.deployment", f"{text!r} is another endpoint's own, which registered it for itself")
    if operation.name not in found.operations:
        raise _wrong(
            f"{where}.deployment", f"{text!r} does not serve {operation.name}; it serves {', '.join(found.operations)}"
        )
    for name in ("key_id", "endpoint_url", "region", "resource_name", "api_version"):
        if getattr(spec, name) is not None:
            raise _wrong(f"{where}.{name}", "is the deployment's own: upsert it there, or leave deployment out")
    for name, is_ in (("provider", found.provider), ("model_name", found.deployment_name)):
        if getattr(spec, name) not in (None, is_):
            raise _wrong(f"{where}.{name}", f"is {is_!r} for deployment {text!r}; leave it out")
    return found.id


def _described(
    spec: ModelSpec, where: str, model_id: str, endpoint_id: str, operation: Operation, registered: Registered
) -> Deployment:
    """The deployment that a spec describes, to be registered for this endpoint alone."""
    if spec.provider is None or spec.model_name is None:
        raise _wrong(where, "must name a deployment, or give provider, model_name and key_id")
    provider = PROVIDERS[spec.provider]
    if operation.name not in provider.addresses:
        served = ", ".join(provider.addresses)
        raise _wrong(f"{where}.provider", f"{provider.name} does not serve {operation.name}; it serves {served}")
    if spec.key_id is None and not provider.key_optional:
        raise _wrong(f"{where}.key_id", f"is required for provider {provider.name}; keys/create stores one")
    deployment = Deployment(
        deployment_class=operation.deployment_class,
        friendly_name=_friendly_name(provider.name, spec.model_name, model_id),
        deployment_name=spec.model_name,
        provider=provider.name,
        key_id=spec.key_id,
        endpoint_url=spec.endpoint_url or "",
        resource_name=spec.resource_name or "",
        region=spec.region,
        api_version=spec.api_version,
        operations=(operation.name,),
        endpoint_id=endpoint_id,
    )
    found = [f"{where}.{_FIELDS.get(name, name)} {rule}" for name, rule in problems(deployment, registered.keys)]
    if found:
        raise InvalidRequest("; ".join(found), param=where)
    return deployment


def _friendly_name(provider: str, model_name: str, model_id: str) -> str:
    """`openai-gpt-4-turbo-1b6e9d70`: said in `x-gateway-deployment`, so it tells what it is."""
    end = f"-{model_id[:8]}"
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{provider}-{model_name}")
    return slug[: MAX_NAME - len(end)] + end


def composed(members: Sequence[Member], before: Sequence[EndpointModel] = ()) -> tuple[EndpointModel, ...]:
    """The models of an endpoint, with the ids of those that it has already. Raises InvalidRequest."""
    ids = {each.deployment_id: each.id for each in before}
    seen: set[str] = set()
    for each in members:
        if each.deployment_id in seen:
            raise _wrong("models", f"must not name the deployment {each.deployment_id!r} twice")
        seen.add(each.deployment_id)
        if each.given_id not in (None, ids.get(each.deployment_id)):
            raise _wrong("models", f"id {each.given_id!r} is not that of {each.deployment_id!r}; leave it out")
    return tuple(
        EndpointModel(
            id=ids.get(each.deployment_id, each.id),
            deployment_id=each.deployment_id,
            weight=weight,
            priority=each.priority,
            litellm_params=each.litellm_params,
        )
        for each, weight in zip(members, _weights(members), strict=True)
    )


def _weights(members: Iterable[Member]) -> list[float]:
    """The weight of each member, where a tier that gives none is split equally. Raises InvalidRequest."""
    members = list(members)
    tiers: dict[int, list[float | None]] = {}
    for each in members:
        tiers.setdefault(each.priority, []).append(each.weight)
    for priority, tier in tiers.items():
        given = [weight for weight in tier if weight is not None]
        total = math.fsum(given)
        if given and len(given) < len(tier):
            raise _wrong("models", f"of priority {priority}: some have weights, which sum to {total:g}, and some none")
        if given and not _near(total, 1.0):
            raise _wrong("models", f"of priority {priority}: the weights sum to {total:g}, and must sum to 1.0")
    return [1 / len(tiers[each.priority]) if each.weight is None else each.weight for each in members]


def _near(one: float, other: float) -> bool:
    """Whether two shares are the same; a hair more than the tolerance, for what adding floats may leave."""
    return abs(one - other) <= TOLERANCE + 1e-9


def attached(endpoint: Endpoint, new: Member) -> tuple[EndpointModel, ...]:
    """The endpoint's models and one more. Raises InvalidRequest.

    A new one without a weight shares equally in a tier that is shared equally.
    """
    members = [_as_member(each) for each in endpoint.models]
    if new.weight is None:
        tier = [each.weight for each in endpoint.models if each.priority == new.priority]
        if not all(_near(weight, tier[0]) for weight in tier):
            raise _wrong(
                "model.weight",
                f"is needed: priority {new.priority} is not shared equally. Give all its models with endpoints/update",
            )
        members = [replace(each, weight=None) if each.priority == new.priority else each for each in members]
    return composed([*members, new], endpoint.models)


def detached(endpoint: Endpoint, model_id: str) -> tuple[EndpointModel, ...]:
    """The endpoint's models without one, whose share goes to the others of its tier in proportion to theirs.

    Raises NotFound and InvalidRequest.
    """
    gone = next((each for each in endpoint.models if each.id == model_id), None)
    if gone is None:
        raise NotFound(f"The endpoint {endpoint.name!r} has no model with the id {model_id!r}.")
    left = [each for each in endpoint.models if each is not gone]
    total = math.fsum(each.weight for each in left if each.priority == gone.priority)
    if not total and any(each.priority == gone.priority for each in left):
        raise _wrong(
            "model_id",
            f"has all the weight of priority {gone.priority}: give the others theirs with endpoints/update first",
        )
    return tuple(replace(each, weight=each.weight / total) if each.priority == gone.priority else each for each in left)


def _as_member(model: EndpointModel) -> Member:
    return Member(
        id=model.id,
        deployment_id=model.deployment_id,
        weight=model.weight,
        priority=model.priority,
        litellm_params=model.litellm_params,
    )


def check_types(endpoint: Endpoint, deployments: Mapping[str, Deployment]) -> None:
    """Raise InvalidRequest unless every deployment that is there serves the endpoint's type."""
    for each in endpoint.models:
        deployment = deployments.get(each.deployment_id)
        if deployment is not None and endpoint.endpoint_type not in deployment.operations:
            raise _wrong(
                "endpoint_type",
                f"can't be {endpoint.endpoint_type}: the deployment {deployment.id!r} serves "
                f"{', '.join(deployment.operations)}. Give other models in the same change",
            )


def check_servable(endpoint: Endpoint, deployments: Mapping[str, Deployment]) -> None:
    """Raise InvalidRequest unless an active deployment with a weight over 0 serves the endpoint's type."""
    operation = endpoint.endpoint_type
    if members_of(endpoint, {each.id: each for each in deployments.values() if each.active}):
        return
    reasons = [
        f"{short_name(each.deployment_id, operation)} {_fault(deployments.get(each.deployment_id), operation)}"
        for each in endpoint.models
    ]
    raise InvalidRequest(
        f"The endpoint {endpoint.name!r} has no active deployment that serves {operation}: "
        + ("; ".join(reasons) or "it has no models, attach one first")
        + "."
    )


def _fault(deployment: Deployment | None, operation: str) -> str:
    if deployment is None:
        return "is gone"
    if operation not in deployment.operations:
        return f"does not serve {operation}"
    return "has a weight of 0" if deployment.active else "is not active"


def _wrong(field: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {rule}", param=field)
