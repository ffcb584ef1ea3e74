"""Routes of an endpoint's life: start, stop, status."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from fastapi import APIRouter

from gateway.errors import Conflict, InvalidRequest, NotFound
from gateway.management.context import Context
from gateway.management.endpoint_members import check_servable
from gateway.management.endpoint_models import EndpointAnswer, EndpointView, StartAnswer, short_name
from gateway.management.endpoint_registration import everything
from gateway.management.endpoint_status_models import EndpointStatusView, LatencyView, ModelStatusView
from gateway.management.endpoints import EndpointId, existing
from gateway.management.error_models import documented_mlflow
from gateway.openai.operations import BY_NAME
from gateway.openai.routes import PASSTHROUGH_PREFIX
from gateway.registry.endpoints import Endpoint

router = APIRouter(tags=["endpoints"])


@router.post(
    "/endpoints/{endpoint_id}/start",
    summary="Start an endpoint",
    response_description="The endpoint runs.",
    responses=documented_mlflow(InvalidRequest, NotFound, Conflict),
)
async def start_endpoint(endpoint_id: EndpointId, context: Context) -> StartAnswer:
    """Lets clients call the endpoint by its name: on this instance at once, on all others within 5 seconds.

    It needs an active deployment that serves its type. To start a running endpoint changes nothing.
    """
    deployments = (await everything(context)).deployments

    def started(before: Endpoint) -> Endpoint:
        if before.status == "running":
            return before
        check_servable(before, deployments)
        now = datetime.now(UTC)
        return replace(before, status="running", started_at=now, updated_at=now)

    endpoint = await context.endpoints.update(endpoint_id, started)
    await context.registry.refresh(force=True)
    return StartAnswer(endpoint=EndpointView.of(endpoint, deployments), url=_path(endpoint.endpoint_type))


@router.post(
    "/endpoints/{endpoint_id}/stop",
    summary="Stop an endpoint",
    response_description="The endpoint is stopped.",
    responses=documented_mlflow(InvalidRequest, NotFound, Conflict),
)
async def stop_endpoint(endpoint_id: EndpointId, context: Context) -> EndpointAnswer:
    """Refuses new calls with 503 `endpoint_not_running`; calls in flight end undisturbed.

    On this instance at once, on all others within 5 seconds. To stop a stopped endpoint changes nothing.
    """

    def stopped(before: Endpoint) -> Endpoint:
        if before.status == "stopped":
            return before
        now = datetime.now(UTC)
        return replace(before, status="stopped", stopped_at=now, updated_at=now)

    endpoint = await context.endpoints.update(endpoint_id, stopped)
    await context.registry.refresh(force=True)
    return EndpointAnswer(endpoint=EndpointView.of(endpoint, (await everything(context)).deployments))


@router.get(
    "/endpoints/{endpoint_id}/status",
    summary="Read how an endpoint goes",
    response_description="Its status, and the numbers of this instance.",
    responses=documented_mlflow(InvalidRequest, NotFound),
)
async def read_status(endpoint_id: EndpointId, context: Context) -> EndpointStatusView:
    """Its status as it is stored, and counts, error rate and latencies of the calls that this instance has served."""
    endpoint = await existing(context, endpoint_id)
    counts = context.counts(endpoint.name)
    latency = {f"p{percent}": counts.percentile(percent) for percent in (50, 95, 99)}
    return EndpointStatusView(
        endpoint_id=endpoint.id,
        name=endpoint.name,
        status=endpoint.status,
        started_at=endpoint.started_at,
        stopped_at=endpoint.stopped_at,
        scope="instance",
        requests=counts.requests,
        errors=counts.errors,
        error_rate=round(counts.error_rate, 4),
        in_flight=counts.in_flight,
        latency_ms=LatencyView(
            **{name: None if seconds is None else round(seconds * 1000, 1) for name, seconds in latency.items()}
        ),
        models=[
            ModelStatusView(
                id=each.id,
                deployment=short_name(each.deployment_id, endpoint.endpoint_type),
                weight=each.weight,
                priority=each.priority,
                cooling_seconds=round(context.resting(each.deployment_id), 1),
            )
            for each in endpoint.models
        ],
    )


def _path(endpoint_type: str) -> str:
    """Where the data plane takes calls of a type."""
    operation = BY_NAME[endpoint_type]
    return f"{PASSTHROUGH_PREFIX}{operation.name}" if operation.native else f"/v1/{operation.path}"
