"""A deployment as the management API takes it and as it shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.management import rules
from gateway.management.body import Body
from gateway.registry.deployments import MASK, Deployment
from gateway.upstream.providers import PROVIDERS

_REGISTERED: dict[str, Any] = {
    "deployment_class": "openai-chat",
    "friendly_name": "gpt-4o-east",
    "deployment_name": "gpt-4o",
    "endpoint_key": "YOUR_AZURE_OPENAI_ENDPOINT_KEY",
    "resource_name": "contoso-east",
    "active": True,
}
_SHOWN: dict[str, Any] = {
    **_REGISTERED,
    "endpoint_key": MASK,
    "provider": "azure",
    "endpoint_url": None,
    "api_version": None,
    "models": [],
    "supported_endpoints": {"chat": True},
    "weight": 1.0,
    "priority": 0,
    "auth": "key",
    "key_id": None,
    "region": None,
    "tags": {},
    "rpm": None,
    "tpm": None,
    "endpoint_id": None,
}

_KEYLESS = ", ".join(name for name, provider in PROVIDERS.items() if provider.key_optional)
_PRIVATE = ", ".join(name for name, provider in PROVIDERS.items() if provider.default_url is None and name != "azure")


class DeploymentChange(Body):
    """A deployment to register, or what to change of one: `deployment_class` and `friendly_name` say which.

    Of a registered deployment, what the body leaves out stays; null resets an optional field to its default.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_REGISTERED]})

    deployment_class: rules.DeploymentClass = Field(description="The pool the deployment belongs to.")
    friendly_name: rules.Name = Field(
        description="The operator's name for it, unique in its class; shown to clients in `x-gateway-deployment`."
    )
    deployment_name: rules.Model | None = Field(
        None,
        description="The upstream's own name of it: an Azure deployment, or a model of another provider. Required for"
        " a new deployment. For provider azure: 1 to 64 letters, digits, '-', '_' or '.'.",
    )
    endpoint_key: rules.Secret | None = Field(
        None,
        repr=False,
        description=f"The upstream's key: encrypted at rest, never shown again. `{MASK}`, as listings show it, keeps"
        " the one that is stored. Required for a new deployment, unless `key_id` is given, `auth` is"
        f" `managed_identity`, or the provider is one that may be run without keys ({_KEYLESS}). For provider vertex:"
        " the JSON of a service account's key file.",
        json_schema_extra={"format": "password", "writeOnly": True},
    )
    resource_name: rules.Resource | None = Field(
        None,
        description="The Azure OpenAI resource: the upstream's address is `https://{resource_name}.openai.azure.com`."
        " A new deployment of provider azure needs this or `endpoint_url`.",
    )
    active: bool | None = Field(True, description="Whether calls are sent to it.")
    provider: rules.ProviderName | None = Field("azure", description="The kind of upstream.")
    endpoint_url: rules.EndpointUrl | None = Field(
        None,
        description="The upstream's address where `resource_name` does not give it: http or https, a host, perhaps a"
        " port and a path, which is kept; no credentials, query or fragment. Wins over `resource_name`. Required for"
        f" providers without a public address ({_PRIVATE}).",
        examples=["https://llm.contoso.example/openai"],
    )
    api_version: rules.ApiVersion | None = Field(
        None,
        description="The api-version sent to the upstream. Default: the caller's, else the gateway's setting.",
        examples=["2024-10-21"],
    )
    models: rules.Models | None = Field(
        [],
        description="The public names it answers to. With none it serves whatever its class is asked for.",
        examples=[["gpt-4o", "gpt-4o-2024-11-20"]],
    )
    supported_endpoints: rules.SupportedEndpoints | None = Field(
        None,
        description="The operations it serves, as an object (operation: true or false) or as a list; by name, class"
        " or path. At least one must be enabled, and the provider must serve them all. Default: what its class serves.",
        examples=[{"chat": True, "completion": False}],
    )
    weight: float | None = Field(
        1.0, gt=0, le=1000, allow_inf_nan=False, description="Its share of the calls among those of its priority."
    )
    priority: int | None = Field(0, ge=0, le=100, description="Lower is tried first; higher stands by.")
    auth: rules.Auth | None = Field(
        "key", description="How the gateway proves itself: with `endpoint_key`, or as its managed identity."
    )
    key_id: rules.Name | None = Field(
        None,
        description="The id of a stored key of the same provider, used in place of `endpoint_key`: whichever of the two"
        " is given takes the place of the other.",
        examples=["9c2f40d1b7a84e56a1c3f7e2d9b80416"],
    )
    region: rules.Label | None = Field(
        None,
        description="Where it runs: for people, and in the address of provider bedrock.",
        examples=["swedencentral"],
    )
    tags: rules.Tags | None = Field(
        {}, description="Your own notes: at most 20 names of 1 to 64 characters, each with a text of 1 to 256."
    )
    rpm: rules.PerMinute | None = Field(None, description="Requests that the upstream allows in a minute.")
    tpm: rules.PerMinute | None = Field(None, description="Tokens that the upstream allows in a minute.")
    endpoint_id: rules.Name | None = Field(
        None,
        description="As listings show it, and not to be changed: the endpoint that registered the deployment for itself"
        " and is the only way to it. Null: it serves in the pool of its class, or for its `models`.",
    )


def _same(name: str) -> Any:
    """The field of a view that says what the field of the same name in a change says."""
    return Field(description=DeploymentChange.model_fields[name].description)


class DeploymentView(BaseModel):
    """A deployment as it is stored, without its secret. It may be sent back to upsert as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    deployment_class: str = _same("deployment_class")
    friendly_name: str = _same("friendly_name")
    deployment_name: str = Field(description="The upstream's own name of it.")
    endpoint_key: str | None = Field(
        description=f"`{MASK}` when it has a key of its own, null when it has none or `key_id` in its place."
    )
    resource_name: str | None = Field(description="The Azure OpenAI resource; null when `endpoint_url` alone is given.")
    active: bool = _same("active")
    provider: str = _same("provider")
    endpoint_url: str | None = Field(description="The upstream's address; null when `resource_name` gives it.")
    api_version: str | None = _same("api_version")
    models: list[str] = _same("models")
    supported_endpoints: dict[str, bool] = Field(description="Every operation that is enabled, each with true.")
    weight: float = _same("weight")
    priority: int = _same("priority")
    auth: str = _same("auth")
    key_id: str | None = _same("key_id")
    region: str | None = _same("region")
    tags: dict[str, str] = _same("tags")
    rpm: int | None = _same("rpm")
    tpm: int | None = _same("tpm")
    endpoint_id: str | None = Field(
        description="The endpoint that registered the deployment for itself and is the only way to it; null: none did."
    )

    @classmethod
    def of(cls, deployment: Deployment) -> DeploymentView:
        """The view of a deployment; its key does not get past this line."""
        plain = {name: getattr(deployment, name) for name in cls.model_fields if name != "supported_endpoints"}
        plain |= {
            "endpoint_key": MASK if deployment.endpoint_key and deployment.key_id is None else None,
            "resource_name": deployment.resource_name or None,
            "endpoint_url": deployment.endpoint_url or None,
            "models": list(deployment.models),
            "tags": dict(deployment.tags),
        }
        return cls(supported_endpoints=dict.fromkeys(deployment.operations, True), **plain)


class ProbeView(BaseModel):
    """What one real call to a deployment came to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "deployment": "gpt-4o-east",
                    "deployment_class": "openai-chat",
                    "ok": True,
                    "status": 200,
                    "latency_ms": 412.7,
                    "error": None,
                }
            ]
        }
    )

    deployment: str = Field(description="The friendly name.")
    deployment_class: str = _same("deployment_class")
    ok: bool = Field(description="Whether the upstream served the call.")
    status: int | None = Field(description="The upstream's HTTP status; null when it gave none.")
    latency_ms: float | None = Field(description="Milliseconds until the answer; null when there was none.")
    error: str | None = Field(description="What went wrong, in words; null when nothing did.")
