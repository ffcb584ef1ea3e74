"""The route that chooses a model for a task, among those that a tenant may use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter

from gateway.catalog.models import CatalogModel
from gateway.catalog.selection import Candidate, Task, choose, estimated_cost
from gateway.errors import InvalidRequest, ModelNotFound, NotFound
from gateway.limits.accounts import Standing
from gateway.registry.limits import nanodollars
from gateway.registry.tenant_models import DEFAULT_PRIORITY
from gateway.registry.tenants import Tenant
from gateway.routing.eligibility import usable_models
from gateway.tenant_plane.context import Context, OfTenant, TenantContext
from gateway.tenant_plane.error_models import READING, documented
from gateway.tenant_plane.selection_models import SelectionAnswer, SelectionQuestion
from gateway.tenant_plane.used import model_standings, tenant_standings

router = APIRouter(tags=["selection"])


@router.post(
    "/select",
    summary="Choose a model for a task",
    response_description="The model that was chosen, and why.",
    responses=documented(*READING, InvalidRequest, NotFound, ModelNotFound),
)
async def select_model(question: SelectionQuestion, context: Context, tenant: OfTenant) -> SelectionAnswer:
    """Chooses the model that is requested if it will do, else the default, else the one of the highest priority, the
    lowest known price, the first name.

    One will do if it is of the type, available and not deprecated, if the estimate fits its input, and a call of that
    size its limits and the tenant's. When all are out of quota the best of them is answered, with `is_within_quota`
    false. A tenant without models of its own chooses among those of the catalog that a deployment serves.
    """
    task = question.task()
    choice = choose(await _candidates(context, tenant, task), task, context.clock().date())
    if choice is None:
        raise ModelNotFound(
            f"Tenant {tenant.id!r} has no model of type {task.model_type!r} that is enabled, available, not deprecated "
            f"and takes an input of {task.tokens:,} tokens."
        )
    return SelectionAnswer.of(choice, task.tokens)


async def _candidates(context: TenantContext, tenant: Tenant, task: Task) -> list[Candidate]:
    own = await tenant_standings(context, tenant)
    configured = context.snapshot().models_of(tenant)
    if configured is None:
        served = await _known(context, sorted(await _served(context, tenant)))
        return [_candidate(context, each, task, own) for each in served]
    models = {
        each.model_id: each
        for each in configured.all
        if each.is_enabled and (not tenant.models or each.name in tenant.models)
    }
    known = await _known(context, list(models))
    standings = await asyncio.gather(*(model_standings(context, tenant, models[each.id]) for each in known))
    return [
        _candidate(
            context,
            each,
            task,
            [*own, *standing],
            is_default=models[each.id].is_default,
            priority=models[each.id].priority,
        )
        for each, standing in zip(known, standings, strict=True)
    ]


async def _served(context: TenantContext, tenant: Tenant) -> set[str]:
    """The ids of the models that some deployment serves which the tenant may call."""
    snapshot = context.snapshot()
    deployments = list(usable_models(snapshot, tenant).values())
    for pool in snapshot.class_pool.values():
        # It answers to any name, so also to that of the model behind it.
        deployments += [each for each in pool if not tenant.models or each.deployment_name in tenant.models]
    found = [await context.pricer.priced(each.provider, (each.deployment_name, *each.models)) for each in deployments]
    return {each.model_id for each in found}


async def _known(context: TenantContext, ids: Sequence[str]) -> list[CatalogModel]:
    """Those of the catalog's models that it still has."""
    found = await asyncio.gather(*map(context.catalog.read, ids))
    return [model for model in found if model is not None]


def _candidate(
    context: TenantContext,
    model: CatalogModel,
    task: Task,
    standings: Sequence[Standing],
    *,
    is_default: bool = False,
    priority: int = DEFAULT_PRIORITY,
) -> Candidate:
    tokens = [each.remaining for each in standings if each.limit.metric == "tokens"]
    return Candidate(
        model=model,
        is_default=is_default,
        priority=priority,
        within_quota=_fits(context, model, task.tokens, standings),
        quota_remaining=min(tokens, default=None),
    )


def _fits(context: TenantContext, model: CatalogModel, tokens: int, standings: Sequence[Standing]) -> bool:
    """Whether a call of so many tokens would pass every limit now; at an unknown price as the gateway is set to."""
    cost = estimated_cost(model, tokens)
    has_budget = any(each.limit.metric == "cost" for each in standings)
    if cost is None and has_budget and context.settings.unpriced_models == "refuse":
        return False
    needed = {"requests": 1, "tokens": tokens, "cost": nanodollars(cost or 0.0)}
    return all(needed[each.limit.metric] <= each.remaining and each.remaining for each in standings)
