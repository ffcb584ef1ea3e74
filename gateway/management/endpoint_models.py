"""An endpoint as its API takes it and as it shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.management import rules
from gateway.management.body import Body
from gateway.openai.operations import BY_NAME
from gateway.registry.deployments import Deployment
from gateway.registry.endpoints import Endpoint, EndpointModel

MAX_MODELS = 32

_ID = "7d1f0a52c6e94b0d8f3b2a61e5c47d90"
_MODEL: dict[str, Any] = {
    "id": "1b6e9d70f4c84a2f93c5d8e7a0b14f26",
    "deployment": "gpt-4o-east",
    "provider": "azure",
    "model_name": "gpt-4o",
    "weight": 1.0,
    "priority": 0,
    "litellm_params": {},
}
_ENDPOINT: dict[str, Any] = {
    "endpoint_id": _ID,
    "name": "support-chat",
    "endpoint_type": "chat",
    "status": "stopped",
    "models": [_MODEL],
    "prompt_affinity": False,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:00Z",
    "started_at": None,
    "stopped_at": None,
}

_NAME = "The name that clients give as `model`; no other endpoint has it."
_TYPE = "The operation it serves, by name; its class or path is understood too."
_AFFINITY = (
    "Whether calls that share `prompt_cache_key`, else `user`, stay at one deployment of their tier while it can serve."
)


class ModelSpec(Body):
    """A model of an endpoint: a registered deployment, or one to register for this endpoint alone."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"deployment": "gpt-4o-east", "litellm_params": {"temperature": 0.2}}]}
    )

    id: rules.Name | None = Field(None, description="As listings show it; may be left out, and can't be chosen.")
    deployment: rules.DeploymentName | None = Field(
        None,
        description="A registered deployment that serves the endpoint's type: its friendly name, if it is in the class"
        " of that type, else `class/name`.",
        examples=["gpt-4o-east", "openai-responses/gpt-4o-west"],
    )
    provider: rules.ProviderName | None = Field(
        None,
        description="Without `deployment`: the provider of one to register. With it: as listings show it.",
    )
    model_name: rules.Model | None = Field(
        None, description="Without `deployment`: the provider's name of the model. With it: as listings show it."
    )
    key_id: rules.Name | None = Field(
        None,
        description="The stored key of the deployment to register; needed unless the provider may be run without keys.",
    )
    endpoint_url: rules.EndpointUrl | None = Field(
        None, description="The address of the deployment to register, where the provider has none of its own."
    )
    region: rules.Label | None = Field(None, description="The region of the deployment to register.")
    resource_name: rules.Resource | None = Field(
        None, description="The Azure OpenAI resource of the deployment to register."
    )
    api_version: rules.ApiVersion | None = Field(
        None, description="The api-version of the deployment to register. Default: the caller's, else the setting."
    )
    weight: rules.Weight | None = Field(
        None,
        description="Its share of the calls of its priority: the weights of one priority sum to 1.0 (0.001 more or"
        " less). When none of a priority has one, they share equally.",
    )
    priority: rules.Priority = Field(0, description="Lower is tried first; higher stands by.")
    litellm_params: rules.Parameters = Field(
        {},
        description="Parameters added to JSON calls that leave them out. Not `model`, `stream` or `api_key`; at most"
        f" {rules.MAX_PARAMETERS:,} characters as JSON.",
        examples=[{"temperature": 0.2}],
    )


Models = list[ModelSpec]


class EndpointCreation(Body):
    """An endpoint to make."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "support-chat", "endpoint_type": "chat", "models": [{"deployment": "gpt-4o-east"}]}]
        }
    )

    name: rules.Name = Field(description=_NAME)
    endpoint_type: rules.OperationName = Field(description=_TYPE)
    models: Models = Field([], max_length=MAX_MODELS, description="The deployments that serve it, each once.")
    prompt_affinity: bool = Field(False, description=_AFFINITY)


class EndpointChange(Body):
    """What to change of an endpoint. What is left out, or null, stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"endpoint_id": _ID, "prompt_affinity": True}]})

    endpoint_id: rules.Name = Field(description="Which endpoint.")
    name: rules.Name | None = Field(None, description=_NAME)
    endpoint_type: rules.OperationName | None = Field(
        None, description=_TYPE + " Can't be changed while the endpoint runs."
    )
    models: Models | None = Field(
        None,
        max_length=MAX_MODELS,
        description="All its models, in place of those it has. A deployment that it registered for itself and that is"
        " no longer named is deleted.",
    )
    prompt_affinity: bool | None = Field(None, description=_AFFINITY)


class EndpointChoice(Body):
    """Which endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"endpoint_id": _ID}]})

    endpoint_id: rules.Name = Field(description="Which endpoint.")


class ModelAttachment(Body):
    """A model to attach to an endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model": {"deployment": "gpt-4o-west", "priority": 1}}]})

    model: ModelSpec = Field(description="The model.")


class ModelDetachment(Body):
    """A model to detach from an endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model_id": _MODEL["id"]}]})

    model_id: rules.Name = Field(description="The `id` of the model, as the endpoint shows it.")


class EndpointQuery(Body):
    """Which endpoint, by id or by name."""

    endpoint_id: rules.Name | None = Field(None, description="Its id; this or `name`.", examples=[_ID])
    name: rules.Name | None = Field(None, description="Its name; this or `endpoint_id`.", examples=["support-chat"])


class EndpointFilter(Body):
    """Which endpoints to list."""

    name: rules.Name | None = Field(None, description="Only the one of this name.", examples=["support-chat"])
    endpoint_type: rules.OperationName | None = Field(None, description="Only those of this type.", examples=["chat"])
    status: rules.EndpointStatus | None = Field(None, description="Only those in this status.", examples=["running"])


class ModelView(BaseModel):
    """A model of an endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MODEL]})

    id: str = Field(description="Its id in this endpoint.")
    deployment: str = Field(
        description="Its deployment: the friendly name, or `class/name` in another class than the endpoint type's."
    )
    provider: str | None = Field(description="The deployment's provider; null when the deployment is gone.")
    model_name: str | None = Field(description="The provider's name of it; null when the deployment is gone.")
    weight: float = Field(description="Its share of the calls of its priority, from 0 to 1.")
    priority: int = Field(description="Lower is tried first; higher stands by.")
    litellm_params: dict[str, Any] = Field(description="Parameters added to JSON calls that leave them out.")

    @classmethod
    def of(cls, model: EndpointModel, endpoint_type: str, deployments: Mapping[str, Deployment]) -> ModelView:
        """The view of a model; deployments by id."""
        deployment = deployments.get(model.deployment_id)
        return cls(
            id=model.id,
            deployment=short_name(model.deployment_id, endpoint_type),
            provider=deployment.provider if deployment is not None else None,
            model_name=deployment.deployment_name if deployment is not None else None,
            weight=model.weight,
            priority=model.priority,
            litellm_params=dict(model.litellm_params),
        )


def short_name(deployment_id: str, endpoint_type: str) -> str:
    """How an endpoint of this type names a deployment."""
    return deployment_id.removeprefix(f"{BY_NAME[endpoint_type].deployment_class}/")


class EndpointView(BaseModel):
    """An endpoint as it is stored."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENDPOINT]})

    endpoint_id: str = Field(description="Its id, for good.")
    name: str = Field(description=_NAME)
    endpoint_type: str = Field(description="The operation it serves.")
    status: str = Field(description="`running` or `stopped`; only a running one is served.")
    models: list[ModelView] = Field(description="The deployments that serve it.")
    prompt_affinity: bool = Field(description=_AFFINITY)
    created_at: datetime = Field(description="When it was made, in UTC.")
    updated_at: datetime = Field(description="When it was last changed, started or stopped, in UTC.")
    started_at: datetime | None = Field(description="When it was last started; null: never.")
    stopped_at: datetime | None = Field(description="When it was last stopped; null: never.")

    @classmethod
    def of(cls, endpoint: Endpoint, deployments: Mapping[str, Deployment]) -> EndpointView:
        """The view of an endpoint; deployments by id."""
        plain = {name: getattr(endpoint, name) for name in cls.model_fields if name not in ("endpoint_id", "models")}
        models = [ModelView.of(each, endpoint.endpoint_type, deployments) for each in endpoint.models]
        return cls(endpoint_id=endpoint.id, models=models, **plain)


class EndpointAnswer(BaseModel):
    """One endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"endpoint": _ENDPOINT}]})

    endpoint: EndpointView = Field(description="The endpoint.")


class EndpointsAnswer(BaseModel):
    """Endpoints, by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"endpoints": [_ENDPOINT]}]})

    endpoints: list[EndpointView] = Field(description="The endpoints, perhaps none.")


class StartAnswer(EndpointAnswer):
    """A running endpoint, and where it is called."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "endpoint": _ENDPOINT | {"status": "running", "started_at": "2026-11-20T09:05:00Z"},
                    "url": "/v1/chat/completions",
                }
            ]
        }
    )

    url: str = Field(description="The data plane's path of the endpoint's type; the endpoint's name goes into `model`.")


class Nothing(BaseModel):
    """It is gone: nothing is left to say."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})
