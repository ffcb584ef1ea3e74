"""A task and the model that is chosen for it, as the tenant plane takes and shows them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.catalog.selection import Choice, Task, estimated_cost
from gateway.management import rules
from gateway.management.body import Body
from gateway.management.tenant_limits import Count
from gateway.tenant_plane.usage_models import MODEL_ID

EMBEDDING = "embedding"

_CHOSEN: dict[str, Any] = {
    "model_id": MODEL_ID,
    "model_identifier": "amazon.titan-embed-text-v2:0",
    "provider": "bedrock",
    "dimensions": 1024,
    "cost_per_million_tokens": 0.02,
    "estimated_cost": 0.00003,
    "is_within_quota": True,
    "quota_remaining": 499850,
    "metadata": {"selection_reason": "default_model", "fallback_available": True},
}


class SelectionQuestion(Body):
    """What a model is wanted for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "agent_id": "650e8400-e29b-41d4-a716-446655440001",
                    "task_type": "code_search",
                    "requested_model": "text-embedding-3-small",
                    "token_estimate": 1500,
                }
            ]
        }
    )

    agent_id: rules.TenantName | None = Field(None, description="Who asks. It does not change the choice.")
    task_type: rules.TenantName | None = Field(None, description="What for. It does not change the choice.")
    requested_model: rules.Model | None = Field(
        None, description="The model to take if it will do: the provider's name of it, or its `id` in the catalog."
    )
    token_estimate: Count = Field(0, description="How many tokens its input will have.")
    model_type: rules.Label = Field(EMBEDDING, description="What type of model: `embedding`, `chat`, …")

    def task(self) -> Task:
        """What the choice is made by."""
        return Task(model_type=self.model_type, tokens=self.token_estimate, requested=self.requested_model)


class SelectionMetadata(BaseModel):
    """Why this model."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"selection_reason": "default_model", "fallback_available": True}]}
    )

    selection_reason: str = Field(
        description="`requested_model`, `default_model`, `highest_priority`, `lowest_cost`, or `fallback`: the one "
        "that was requested would not do."
    )
    fallback_available: bool = Field(description="Whether another model would do, and is within its quota.")
    fallback_reason: str | None = Field(
        None,
        description="Why the requested model would not do; only with `fallback`.",
        exclude_if=lambda why: why is None,
    )


class SelectionAnswer(BaseModel):
    """The model that was chosen."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHOSEN]})

    model_id: str = Field(description="The model's `id` in the catalog.")
    model_identifier: str = Field(description="The provider's own name of it: what a call names.")
    provider: str = Field(description="Who offers it.")
    dimensions: int | None = Field(description="The length of its vectors.")
    cost_per_million_tokens: float | None = Field(description="US dollars for a million tokens of input.")
    estimated_cost: float | None = Field(description="US dollars for the estimate; null when the price is not known.")
    is_within_quota: bool = Field(description="Whether a call of that size would pass every limit now.")
    quota_remaining: int | None = Field(
        description="Tokens that may still be used, of the tightest limit on them; null when there is none."
    )
    metadata: SelectionMetadata = Field(description="Why this model.")

    @classmethod
    def of(cls, choice: Choice, tokens: int) -> SelectionAnswer:
        """The view of a choice, for an estimate of so many tokens."""
        candidate, model = choice.candidate, choice.candidate.model
        return cls(
            model_id=model.id,
            model_identifier=model.model_id,
            provider=model.provider,
            dimensions=model.dimensions,
            cost_per_million_tokens=model.cost_per_million_tokens,
            estimated_cost=estimated_cost(model, tokens),
            is_within_quota=candidate.within_quota,
            quota_remaining=candidate.quota_remaining,
            metadata=SelectionMetadata(
                selection_reason=choice.reason,
                fallback_available=choice.fallback_available,
                fallback_reason=choice.fallback_reason,
            ),
        )
