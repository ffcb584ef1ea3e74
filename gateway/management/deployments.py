"""Routes of deployments: upsert, list, read, delete, test."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from gateway.errors import BodyTooLarge, Conflict, EncryptionNotConfigured, InvalidRequest, NotFound
from gateway.management import rules
from gateway.management.context import Context
from gateway.management.deployment_models import DeploymentChange, DeploymentView, ProbeView
from gateway.management.error_models import documented
from gateway.management.upsert import upserted
from gateway.registry.deployments import MASK

router = APIRouter(tags=["deployments"])

ONE = "/modeldeployment/{deployment_class}/{friendly_name}"
Class = Annotated[rules.DeploymentClass, Path(description="The pool it belongs to.", examples=["openai-chat"])]
Name = Annotated[rules.Name, Path(description="Its name in that pool.", examples=["gpt-4o-east"])]
Which = Annotated[rules.Which, Path(description="All of them, or the active ones only.", examples=["all"])]


@router.patch(
    "/modeldeployment/upsert",
    summary="Register a deployment, or change one",
    response_description="The deployment as it is stored now.",
    responses=documented(InvalidRequest, Conflict, BodyTooLarge, EncryptionNotConfigured),
)
async def upsert_deployment(change: DeploymentChange, context: Context) -> DeploymentView:
    """Registers the deployment `deployment_class`/`friendly_name`, or changes it when there is one.

    Of a registered deployment, what the body leaves out stays and null resets an optional field to its default. The
    same body twice is the same as once. Nothing is stored when anything is wrong. This instance serves the change
    when it answers, all others within 5 seconds.
    """
    keys = {key.id: key for key in await context.keys.list()}
    stored = await context.deployments.upsert(
        change.deployment_class, change.friendly_name, lambda before: upserted(before, change, keys)
    )
    await context.registry.refresh(force=True)
    return DeploymentView.of(stored)


@router.get(
    "/listevents/{which}",
    summary="List deployments (an alias)",
    operation_id="list_events",
    response_description="The deployments, perhaps none.",
    responses=documented(InvalidRequest),
)
@router.get(
    "/modeldeployment/list/{which}",
    summary="List deployments",
    response_description="The deployments, perhaps none.",
    responses=documented(InvalidRequest),
)
async def list_deployments(which: Which, context: Context) -> list[DeploymentView]:
    """Every deployment (`all`), or those that calls are sent to (`active`), by class and friendly name."""
    deployments = await context.deployments.list()
    shown = [each for each in deployments if each.active or which == "all"]
    return [
        DeploymentView.of(each) for each in sorted(shown, key=lambda each: (each.deployment_class, each.friendly_name))
    ]


@router.get(
    ONE,
    summary="Read a deployment",
    response_description="The deployment.",
    responses=documented(InvalidRequest, NotFound),
)
async def read_deployment(deployment_class: Class, friendly_name: Name, context: Context) -> DeploymentView:
    """One deployment as it is stored."""
    found = await context.deployments.read(deployment_class, friendly_name)
    if found is None:
        raise _missing(deployment_class, friendly_name)
    return DeploymentView.of(found)


@router.delete(
    ONE,
    summary="Delete a deployment",
    status_code=204,
    response_description="It is gone.",
    responses=documented(InvalidRequest, NotFound, Conflict),
)
async def delete_deployment(deployment_class: Class, friendly_name: Name, context: Context) -> None:
    """Removes the deployment and its key. Calls that are under way to it end undisturbed.

    Refused while an endpoint uses it: detach it there first.
    """
    using = [
        repr(endpoint.name)
        for endpoint in await context.endpoints.list()
        if any(each.deployment_id == f"{deployment_class}/{friendly_name}" for each in endpoint.models)
    ]
    if using:
        raise Conflict(
            f"The deployment {f'{deployment_class}/{friendly_name}'!r} is used by the endpoint {', '.join(using)}: "
            "detach it there first."
        )
    deleted = await context.deployments.delete(deployment_class, friendly_name)
    await context.registry.refresh(force=True)
    if not deleted:
        raise _missing(deployment_class, friendly_name)


@router.post(
    ONE + "/test",
    summary="Test a deployment",
    response_description="The test was made; `ok` says how it went.",
    responses=documented(InvalidRequest, NotFound),
)
async def test_deployment(deployment_class: Class, friendly_name: Name, context: Context) -> ProbeView:
    """Sends the deployment one real call, the cheapest there is, and says what came of it.

    Works on an inactive deployment too, so that it can be tried out before calls are sent to it. The provider may
    charge for the call. 200 says that the test was made; `ok` says how it went.
    """
    found = await context.deployments.read(deployment_class, friendly_name)
    if found is None:
        raise _missing(deployment_class, friendly_name)
    result = await context.probe(found)
    error = result.error
    if error is not None and found.endpoint_key:
        # Upstreams quote the key they refuse.
        error = error.replace(found.endpoint_key, MASK)
    return ProbeView(
        deployment=friendly_name,
        deployment_class=deployment_class,
        ok=result.ok,
        status=result.status,
        latency_ms=None if result.latency_ms is None else round(result.latency_ms, 1),
        error=error,
    )


def _missing(deployment_class: str, friendly_name: str) -> NotFound:
    return NotFound(f"There is no deployment {f'{deployment_class}/{friendly_name}'!r}.")
