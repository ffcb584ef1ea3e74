"""The deployments that endpoints register for themselves: made before the endpoint names them, removed after."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from gateway.errors import Conflict, StorageUnavailable
from gateway.management.context import ManagementContext
from gateway.management.endpoint_members import Member, Registered
from gateway.registry.deployments import Deployment
from gateway.registry.endpoints import Endpoint, EndpointModel

logger = logging.getLogger(__name__)


async def everything(context: ManagementContext) -> Registered:
    """The deployments and keys that models may refer to."""
    deployments = {each.id: each for each in await context.deployments.list()}
    return Registered(deployments, {key.id: key for key in await context.keys.list()})


@asynccontextmanager
async def registering(
    context: ManagementContext, endpoint_id: str, members: Sequence[Member], registered: Registered
) -> AsyncIterator[Registered]:
    """Register the members' new deployments; answers them among all others. They are taken back if what follows fails.

    A process that dies in between leaves deployments that no pool and no endpoint has; they can be deleted.
    """
    made: dict[str, Deployment] = {}
    try:
        for each in members:
            if each.new is not None:
                made[each.new.id] = await context.deployments.upsert(
                    each.new.deployment_class, each.new.friendly_name, _only(each.new)
                )
        yield Registered({**registered.deployments, **made}, registered.keys)
    except BaseException:
        await _take_back(context, endpoint_id, made)
        raise


async def _take_back(context: ManagementContext, endpoint_id: str, made: Mapping[str, Deployment]) -> None:
    """Remove what was registered, unless the endpoint was stored with it although its writer was told otherwise."""
    try:
        stored = await context.endpoints.read(endpoint_id) if made else None
    except StorageUnavailable:
        logger.warning("%s may be left over: delete what no endpoint has", ", ".join(made))
        return
    used = {each.deployment_id for each in stored.models} if stored is not None else set()
    await _remove(context, [each for each in made.values() if each.id not in used])


def _only(new: Deployment) -> Callable[[Deployment | None], Deployment]:
    def change(before: Deployment | None) -> Deployment:
        if before is not None:
            raise Conflict(f"There is a deployment {new.id!r} already. Try again.")
        return new

    return change


async def remove_dropped(
    context: ManagementContext, endpoint: Endpoint, left: Iterable[EndpointModel], registered: Registered
) -> None:
    """Remove those deployments that the endpoint registered for itself and that it no longer names."""
    kept = {each.deployment_id for each in left}
    models = (registered.deployments.get(each.deployment_id) for each in endpoint.models)
    dropped = (each for each in models if each is not None and each.id not in kept)
    await _remove(context, [each for each in dropped if each.endpoint_id == endpoint.id])


async def _remove(context: ManagementContext, deployments: Iterable[Deployment]) -> None:
    for each in deployments:
        try:
            await context.deployments.delete(each.deployment_class, each.friendly_name)
        except StorageUnavailable:
            # The endpoint is as it was asked for; only this is left over, and nothing serves from it.
            logger.warning("%s could not be removed: no endpoint has it any more; delete it", each.id)
