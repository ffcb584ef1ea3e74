"""The route that tells a tenant about itself."""

from __future__ import annotations

import asyncio
from datetime import datetime

from fastapi import APIRouter

from gateway.errors import InvalidApiKey
from gateway.registry.snapshot import Caller, Snapshot
from gateway.registry.tenant_models import TenantModel
from gateway.tenant_plane.context import Context, TenantContext, Who
from gateway.tenant_plane.error_models import documented
from gateway.tenant_plane.me_models import LimitStanding, MeAnswer, MyKey, MyModel, my_tenant
from gateway.tenant_plane.tenant_models import ordered
from gateway.tenant_plane.usage_models import ModelUsage
from gateway.tenant_plane.used import Used, model_standings, tenant_standings, used

router = APIRouter(tags=["me"])


@router.get(
    "",
    summary="What a key may, and what is left",
    response_description="The tenant, its key, its limits and what it used.",
    responses=documented(),
)
async def read_me(context: Context, who: Who) -> MeAnswer:
    """The tenant behind the key: its limits, what was used of each and when it resets, and the same by model.

    It is for API keys alone: a management token has no tenant.
    """
    if who is None:
        raise InvalidApiKey("This tells a tenant about itself: send one of its API keys, not a management token.")
    tenant, now = who.tenant, context.clock()
    models, own, day, month = await asyncio.gather(
        ordered(context, tenant),
        tenant_standings(context, tenant),
        used(context, tenant, "day"),
        used(context, tenant, "month"),
    )
    called = sorted(month.by_model.keys() - {each.model_id for each in models})
    return MeAnswer(
        tenant=my_tenant(who),
        key=MyKey(id=who.key.id, name=who.key.name),
        allowed_models=_allowed(who, context.snapshot()),
        limits=[LimitStanding.of(each, now) for each in own],
        used_today=ModelUsage.of(day.all),
        used_this_month=ModelUsage.of(month.all),
        models=[
            *await asyncio.gather(*(_configured(context, who, each, day, month, now) for each in models)),
            *await asyncio.gather(*(_called(context, each, day, month) for each in called)),
        ],
    )


def _allowed(who: Caller, snapshot: Snapshot) -> list[str] | None:
    """The names that the tenant may call: those the operator gave it, of those it enabled; None when all."""
    configured = snapshot.models_of(who.tenant)
    if configured is None:
        return list(who.tenant.models) or None
    return [name for name in configured.by_name if not who.tenant.models or name in who.tenant.models]


async def _configured(
    context: TenantContext, who: Caller, model: TenantModel, day: Used, month: Used, now: datetime
) -> MyModel:
    standings = await model_standings(context, who.tenant, model)
    return MyModel(
        model_id=model.model_id,
        model_identifier=model.name,
        provider=model.provider,
        is_configured=True,
        is_enabled=model.is_enabled,
        is_default=model.is_default,
        limits=[LimitStanding.of(each, now) for each in standings],
        used_today=ModelUsage.of(day.of(model.model_id)),
        used_this_month=ModelUsage.of(month.of(model.model_id)),
    )


async def _called(context: TenantContext, model_id: str, day: Used, month: Used) -> MyModel:
    known = await context.catalog.read(model_id)
    return MyModel(
        model_id=model_id,
        model_identifier=known.model_id if known else None,
        provider=known.provider if known else None,
        is_configured=False,
        is_enabled=False,
        is_default=False,
        limits=[],
        used_today=ModelUsage.of(day.of(model_id)),
        used_this_month=ModelUsage.of(month.of(model_id)),
    )
