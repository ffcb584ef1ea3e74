"""Why a call would go where it would go: every candidate in order, and why each other deployment is none."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.openai.operations import Operation
from gateway.registry.deployments import Deployment
from gateway.registry.snapshot import Snapshot
from gateway.routing.plan import Plan


@dataclass(frozen=True, slots=True)
class Explained:
    """One deployment's part in a call. order: its turn, from 1; None when it would not be tried."""

    deployment: Deployment
    order: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of a call. error: what the caller would be told at once; None if a deployment would be tried.

    pool: "endpoint", "model", "class" or "home" (the one deployment where a thing lives); None where there is none.
    """

    operation: Operation
    model: str | None
    pool: str | None
    candidates: list[Explained]
    error: GatewayError | None


def explain(plan: Plan, snapshot: Snapshot, operation: Operation, model: str | None) -> list[Explained]:
    """Ask a plan that nobody else uses for its turns, as a call whose every attempt fails would. Candidates come
    first, in the order in which they would be tried; then those of the pool that would not; then all others."""
    turns: list[Explained] = []
    while (chosen := plan.next()) is not None:
        turns.append(Explained(chosen, len(turns) + 1, _turn(chosen, len(turns) + 1)))
    tried = {each.deployment.id for each in turns}
    pool = [deployment for tier in plan.pool.tiers for deployment in tier]
    left = [Explained(each, None, _left(plan, each)) for each in pool if each.id not in tried]
    members = {each.id for each in pool}
    others = [
        Explained(each, None, _outside(each, plan, operation, model))
        for each in snapshot.deployments
        if each.id not in members
    ]
    return turns + left + others


def _turn(deployment: Deployment, order: int) -> str:
    where = f"priority {deployment.priority}, weight {deployment.weight:g}"
    return f"chosen: its turn in its tier ({where})" if order == 1 else f"next if that fails ({where})"


def _left(plan: Plan, deployment: Deployment) -> str:
    wait = plan.wait(deployment)
    if not wait:
        return "not tried: a call gets no more attempts than that"
    reason = plan.resting(deployment)
    why = f"cooling ({reason.kind.name.lower()})" if reason is not None else "its rpm or tpm of this minute is spent"
    return f"skipped: {why}, {wait:.1f} s left"


def _outside(deployment: Deployment, plan: Plan, operation: Operation, model: str | None) -> str:
    if plan.pool.is_endpoint and deployment.active:
        return f"refused: not in the endpoint '{plan.pool.key[1]}'"
    return _why_not(deployment, operation, model)


def _why_not(deployment: Deployment, operation: Operation, model: str | None) -> str:
    if not deployment.active:
        return "refused: not active"
    if operation.name not in deployment.operations:
        return f"refused: does not serve {operation.name}; it serves {', '.join(deployment.operations)}"
    if deployment.endpoint_id is not None:
        return "refused: serves only through the endpoint that registered it"
    if deployment.models and model not in deployment.models:
        return f"refused: serves only {', '.join(deployment.models)}"
    return f"refused: '{model}' leads elsewhere; an endpoint or deployments that list it come before a class"


def refused(snapshot: Snapshot, operation: Operation, model: str | None) -> list[Explained]:
    """Why no deployment at all is a candidate."""
    return [Explained(each, None, _why_not(each, operation, model)) for each in snapshot.deployments]
