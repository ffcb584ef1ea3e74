"""Route explain: where a call would go, and why; nothing is called."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import BodyTooLarge, GatewayError, InvalidRequest, NotFound
from gateway.management import rules
from gateway.management.body import Body
from gateway.management.context import Context
from gateway.management.error_models import documented
from gateway.registry.tenants import Tenant
from gateway.routing.explain import Explained, Foreseen

router = APIRouter(tags=["explain"])


CHOSEN: dict[str, Any] = {
    "deployment": "gpt-4o-west",
    "deployment_class": "openai-chat",
    "provider": "azure",
    "priority": 0,
    "weight": 2.0,
    "chosen": True,
    "order": 1,
    "reason": "chosen: its turn in its tier (priority 0, weight 2)",
}
RESTING: dict[str, Any] = CHOSEN | {
    "deployment": "gpt-4o-east",
    "weight": 1.0,
    "chosen": False,
    "order": None,
    "reason": "skipped: cooling (unreachable), 10.0 s left",
}


class ExplainBody(Body):
    """A call as a client would send it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tenant_id": "contoso",
                    "path": "/v1/chat/completions",
                    "body": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]},
                }
            ]
        }
    )

    tenant_id: rules.Name | None = Field(
        None, description="The tenant whose client calls. Default: one that may call everything."
    )
    method: rules.Method = Field("POST", description="The method of the call.")
    path: rules.CallPath = Field(description="The path of the call, in any form that the data plane takes.")
    body: rules.CallBody = Field({}, description="The JSON body of the call; only what routing needs is read of it.")


class CandidateView(BaseModel):
    """One deployment's part in the call."""

    model_config = ConfigDict(json_schema_extra={"examples": [CHOSEN]})

    deployment: str = Field(description="The friendly name.")
    deployment_class: str = Field(description="The pool it belongs to.")
    provider: str = Field(description="The kind of upstream.")
    priority: int = Field(description="Its tier; the lowest is tried first.")
    weight: float = Field(description="Its share of the calls of its tier.")
    chosen: bool = Field(description="Whether the call would be sent to it first.")
    order: int | None = Field(description="Its turn, from 1, if all before it fail; null when it would not be tried.")
    reason: str = Field(description="Why it is chosen, comes later, is skipped or refused.")

    @classmethod
    def of(cls, explained: Explained) -> CandidateView:
        """The view of a deployment's part."""
        deployment = explained.deployment
        return cls(
            deployment=deployment.friendly_name,
            deployment_class=deployment.deployment_class,
            provider=deployment.provider,
            priority=deployment.priority,
            weight=deployment.weight,
            chosen=explained.order == 1,
            order=explained.order,
            reason=explained.reason,
        )


class RefusalView(BaseModel):
    """What the caller would be told at once, because nobody would be tried."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": 400,
                    "code": "operation_not_supported",
                    "message": "The model 'gpt-4o' does not support moderation; it supports: chat.",
                    "retry_after_seconds": None,
                }
            ]
        }
    )

    status: int = Field(description="The HTTP status.")
    code: str = Field(description="The error's code.")
    message: str = Field(description="The error's message.")
    retry_after_seconds: float | None = Field(description="When a retry can work; null when that is not known.")

    @classmethod
    def of(cls, error: GatewayError) -> RefusalView:
        """The view of an error."""
        return cls(status=error.status, code=error.code, message=error.message, retry_after_seconds=error.retry_after)


class ExplainView(BaseModel):
    """Where the call would go, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "operation": "chat",
                    "model": "gpt-4o",
                    "pool": "model",
                    "candidates": [CHOSEN, RESTING],
                    "error": None,
                }
            ]
        }
    )

    operation: str = Field(description="The operation that the path asks for.")
    model: str | None = Field(description="The model that the call names; null when it names none.")
    pool: str | None = Field(
        description="What the model leads to: an `endpoint`, the deployments that list the `model`, the pool of the"
        " `class`, or the one deployment (`home`) where a thing lives that the call is about; null when to nothing."
    )
    candidates: list[CandidateView] = Field(description="Every deployment: those that would be tried, in their order.")
    error: RefusalView | None = Field(
        description="What the caller would be told; null when a deployment would be tried."
    )

    @classmethod
    def of(cls, foreseen: Foreseen) -> ExplainView:
        """The view of what would become of a call."""
        return cls(
            operation=foreseen.operation.name,
            model=foreseen.model,
            pool=foreseen.pool,
            candidates=[CandidateView.of(each) for each in foreseen.candidates],
            error=None if foreseen.error is None else RefusalView.of(foreseen.error),
        )


@router.post(
    "/explain",
    summary="Explain where a call would go",
    response_description="Every deployment, and why it would be called or not.",
    responses=documented(InvalidRequest, NotFound, BodyTooLarge),
)
async def explain_call(asked: ExplainBody, context: Context) -> ExplainView:
    """Tells what this instance would do with a call, by the very code that serves; no upstream is called and no turn
    is taken. Cool-downs and the minutes of `rpm` and `tpm` are this instance's own.
    """
    body: dict[str, Any] = asked.body
    raw = json.dumps(body).encode() if body else b""
    return ExplainView.of(context.foresee(await _tenant(asked, context), asked.method, asked.path, raw))


async def _tenant(asked: ExplainBody, context: Context) -> Tenant:
    if asked.tenant_id is None:
        return Tenant(id="", name="", created_at=datetime.now(UTC))
    found = await context.tenants.read(asked.tenant_id)
    if found is None:
        raise NotFound(f"There is no tenant {asked.tenant_id!r}.", param="tenant_id")
    return found
