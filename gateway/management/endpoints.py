"""Routes of endpoints: make, list, read, change, delete, and attach or detach a model."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from gateway.errors import AlreadyExists, BodyTooLarge, Conflict, InvalidRequest, NotFound
from gateway.management import rules
from gateway.management.context import Context, ManagementContext
from gateway.management.endpoint_members import (
    Member,
    Registered,
    attached,
    check_servable,
    check_types,
    composed,
    detached,
    member,
)
from gateway.management.endpoint_models import (
    EndpointAnswer,
    EndpointChange,
    EndpointChoice,
    EndpointCreation,
    EndpointFilter,
    EndpointQuery,
    EndpointsAnswer,
    EndpointView,
    ModelAttachment,
    ModelDetachment,
    ModelSpec,
    Nothing,
)
from gateway.management.endpoint_registration import everything, registering, remove_dropped
from gateway.management.error_models import documented_mlflow
from gateway.openai.operations import BY_NAME
from gateway.registry.endpoints import Endpoint
from gateway.storage.endpoints import missing

router = APIRouter(tags=["endpoints"])

EndpointId = Annotated[
    rules.Name, Path(description="The endpoint's id.", examples=["7d1f0a52c6e94b0d8f3b2a61e5c47d90"])
]


@router.post(
    "/endpoints/create",
    summary="Make an endpoint",
    response_description="The endpoint as it is stored.",
    responses=documented_mlflow(InvalidRequest, AlreadyExists, Conflict, BodyTooLarge),
)
async def create_endpoint(creation: EndpointCreation, context: Context) -> EndpointAnswer:
    """Makes an endpoint, stopped. Its models are registered deployments, or are registered for it alone."""
    endpoint_id = uuid.uuid4().hex
    registered = await everything(context)
    members = _members(creation.models, endpoint_id, creation.endpoint_type, registered)
    now = datetime.now(UTC)
    endpoint = Endpoint(
        id=endpoint_id,
        name=creation.name,
        endpoint_type=creation.endpoint_type,
        models=composed(members),
        prompt_affinity=creation.prompt_affinity,
        created_at=now,
        updated_at=now,
    )
    async with registering(context, endpoint_id, members, registered) as registered:
        await context.endpoints.create(endpoint)
    await context.registry.refresh(force=True)
    return EndpointAnswer(endpoint=EndpointView.of(endpoint, registered.deployments))


@router.get(
    "/endpoints/list",
    summary="List endpoints",
    response_description="The endpoints, perhaps none.",
    responses=documented_mlflow(InvalidRequest),
)
async def list_endpoints(wanted: Annotated[EndpointFilter, Query()], context: Context) -> EndpointsAnswer:
    """Every endpoint that all the given filters let pass, by name."""
    filters = wanted.model_dump(exclude_none=True)
    found = [
        each
        for each in await context.endpoints.list()
        if all(getattr(each, name) == value for name, value in filters.items())
    ]
    found.sort(key=lambda each: each.name)
    deployments = (await everything(context)).deployments
    return EndpointsAnswer(endpoints=[EndpointView.of(each, deployments) for each in found])


@router.get(
    "/endpoints/get",
    summary="Read an endpoint",
    response_description="The endpoint.",
    responses=documented_mlflow(InvalidRequest, NotFound),
)
async def get_endpoint(asked: Annotated[EndpointQuery, Query()], context: Context) -> EndpointAnswer:
    """One endpoint as it is stored, by id or by name: give one of the two."""
    if (asked.endpoint_id is None) == (asked.name is None):
        raise InvalidRequest("give either endpoint_id or name", param="endpoint_id")
    if asked.endpoint_id is not None:
        found = await existing(context, asked.endpoint_id)
    else:
        named = await context.endpoints.find(str(asked.name))
        if named is None:
            raise NotFound(f"There is no endpoint named {asked.name!r}.")
        found = named
    return EndpointAnswer(endpoint=EndpointView.of(found, (await everything(context)).deployments))


@router.post(
    "/endpoints/update",
    summary="Change an endpoint",
    response_description="The endpoint as it is stored now.",
    responses=documented_mlflow(InvalidRequest, NotFound, AlreadyExists, Conflict, BodyTooLarge),
)
async def update_endpoint(change: EndpointChange, context: Context) -> EndpointAnswer:
    """Changes what the body names. A running endpoint serves the change at once; calls in flight end undisturbed."""
    found = await existing(context, change.endpoint_id)
    registered = await everything(context)
    endpoint_type = change.endpoint_type or found.endpoint_type
    members = None if change.models is None else _members(change.models, found.id, endpoint_type, registered)
    fields = change.model_dump(include={"name", "endpoint_type", "prompt_affinity"}, exclude_none=True)

    def changed(before: Endpoint) -> Endpoint:
        after = replace(before, **fields)
        if after.endpoint_type != before.endpoint_type and before.status == "running":
            raise InvalidRequest("endpoint_type can't be changed while the endpoint runs: stop it first")
        return after if members is None else replace(after, models=composed(members, before.models))

    return await _changed(context, found.id, members or (), changed, registered)


@router.post(
    "/endpoints/delete",
    summary="Delete an endpoint",
    response_description="It is gone.",
    responses=documented_mlflow(InvalidRequest, NotFound, Conflict, BodyTooLarge),
)
async def delete_endpoint(choice: EndpointChoice, context: Context) -> Nothing:
    """Removes a stopped endpoint, and with it the deployments that it registered for itself."""
    deleted: list[Endpoint] = []

    def stopped(endpoint: Endpoint) -> None:
        if endpoint.status == "running":
            raise InvalidRequest(f"The endpoint {endpoint.name!r} is running: stop it first.", param="endpoint_id")
        deleted[:] = [endpoint]

    registered = await everything(context)
    await context.endpoints.delete(choice.endpoint_id, stopped)
    for endpoint in deleted:
        await remove_dropped(context, endpoint, (), registered)
    await context.registry.refresh(force=True)
    return Nothing()


@router.post(
    "/endpoints/{endpoint_id}/models/attach",
    summary="Attach a model",
    response_description="The endpoint as it is stored now.",
    responses=documented_mlflow(InvalidRequest, NotFound, Conflict, BodyTooLarge),
)
async def attach_model(endpoint_id: EndpointId, body: ModelAttachment, context: Context) -> EndpointAnswer:
    """Adds a model, so that the weights of its priority sum to 1.0.

    Without a weight it shares equally with the others of its priority, if those share equally; else all weights of the
    priority have to be given anew, with `endpoints/update`.
    """
    found = await existing(context, endpoint_id)
    registered = await everything(context)
    new = member(body.model, "model", uuid.uuid4().hex, found.id, BY_NAME[found.endpoint_type], registered)
    return await _changed(
        context, found.id, [new], lambda before: replace(before, models=attached(before, new)), registered
    )


@router.post(
    "/endpoints/{endpoint_id}/models/detach",
    summary="Detach a model",
    response_description="The endpoint as it is stored now.",
    responses=documented_mlflow(InvalidRequest, NotFound, Conflict, BodyTooLarge),
)
async def detach_model(endpoint_id: EndpointId, body: ModelDetachment, context: Context) -> EndpointAnswer:
    """Takes a model away. Its share goes to the others of its priority, in proportion to theirs."""
    registered = await everything(context)
    return await _changed(
        context, endpoint_id, (), lambda before: replace(before, models=detached(before, body.model_id)), registered
    )


async def existing(context: ManagementContext, endpoint_id: str) -> Endpoint:
    """The endpoint of an id; raises NotFound."""
    found = await context.endpoints.read(endpoint_id)
    if found is None:
        raise missing(endpoint_id)
    return found


def _members(specs: Sequence[ModelSpec], endpoint_id: str, endpoint_type: str, registered: Registered) -> list[Member]:
    operation = BY_NAME[endpoint_type]
    return [
        member(spec, f"models[{number}]", uuid.uuid4().hex, endpoint_id, operation, registered)
        for number, spec in enumerate(specs)
    ]


async def _changed(
    context: ManagementContext,
    endpoint_id: str,
    members: Sequence[Member],
    change: Callable[[Endpoint], Endpoint],
    registered: Registered,
) -> EndpointAnswer:
    """Store a change of an endpoint, with the deployments that come and go with it, and serve it."""
    earlier: list[Endpoint] = []

    def checked(before: Endpoint) -> Endpoint:
        earlier[:] = [before]
        after = change(before)
        if after == before:
            return before
        if (after.models, after.endpoint_type) != (before.models, before.endpoint_type):
            check_types(after, registered.deployments)
            if after.status == "running":
                check_servable(after, registered.deployments)
        return replace(after, updated_at=datetime.now(UTC))

    async with registering(context, endpoint_id, members, registered) as registered:
        stored = await context.endpoints.update(endpoint_id, checked)
    for before in earlier:
        await remove_dropped(context, before, stored.models, registered)
    await context.registry.refresh(force=True)
    return EndpointAnswer(endpoint=EndpointView.of(stored, registered.deployments))
