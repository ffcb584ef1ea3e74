"""Routes of what a tenant used, and of how the limits of its models stand."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from gateway.errors import NotFound
from gateway.metering.rollups import RollupPeriod, Totals
from gateway.registry.limits import dollars
from gateway.tenant_plane.context import Context, OfTenant
from gateway.tenant_plane.error_models import READING, documented
from gateway.tenant_plane.parameters import OneModel, Period
from gateway.tenant_plane.tenant_models import ordered
from gateway.tenant_plane.usage_models import ModelUsage, QuotasAnswer, QuotaView, UsageAnswer
from gateway.tenant_plane.used import last_second, model_standings, used

router = APIRouter(tags=["usage and quotas"])


@router.get(
    "/usage",
    summary="What a tenant used",
    response_description="Totals, and the same by model.",
    responses=documented(*READING, NotFound),
)
async def read_usage(
    context: Context, tenant: OfTenant, period: Period = "month", model_id: OneModel = None
) -> UsageAnswer:
    """What the calls of the running day or month came to. A call is in it a few seconds after it ended."""
    which: RollupPeriod = "day" if period == "day" else "month"
    found = await used(context, tenant, which)
    shown = found.by_model if model_id is None else {model_id: found.of(model_id)}
    total: Totals = found.all if model_id is None else found.of(model_id)
    return UsageAnswer(
        period=which,
        start_time=found.window.start,
        end_time=last_second(found.window.end),
        total_tokens=total.total_tokens,
        total_requests=total.requests,
        total_cost=dollars(total.cost),
        by_model={each: ModelUsage.of(shown[each]) for each in sorted(shown)},
    )


@router.get(
    "/quotas",
    summary="How the limits of a tenant's models stand",
    response_description="One entry for each of its models, perhaps none.",
    responses=documented(*READING, NotFound),
)
async def read_quotas(context: Context, tenant: OfTenant) -> QuotasAnswer:
    """Limits of the tenant's models and what was used of each; what has no limit is taken from usage (UTC)."""
    models = await ordered(context, tenant)
    day, month = await asyncio.gather(used(context, tenant, "day"), used(context, tenant, "month"))
    standings = await asyncio.gather(*(model_standings(context, tenant, each) for each in models))
    return QuotasAnswer(
        tenant_id=tenant.id,
        quotas=[
            QuotaView.of(model, standing, day.of(model.model_id), month.of(model.model_id))
            for model, standing in zip(models, standings, strict=True)
        ],
    )
