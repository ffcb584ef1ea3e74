"""Short ways to the nouns that tests need."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.catalog.models import catalog_id
from gateway.registry.deployments import Deployment
from gateway.registry.endpoints import Endpoint, EndpointModel
from gateway.registry.tenant_models import TenantModel
from gateway.registry.tenants import ApiKey, Tenant, compose, fingerprint

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = compose("local0", "s3cret-with_dash")


def deployment(friendly_name: str = "east", **fields: Any) -> Deployment:
    """A chat deployment on Azure, with what the test says otherwise."""
    defaults: dict[str, Any] = {
        "deployment_class": "openai-chat",
        "deployment_name": f"{friendly_name}-gpt",
        "endpoint_key": f"key-of-{friendly_name}",
        "resource_name": friendly_name,
        "operations": ("chat",),
    }
    return Deployment(friendly_name=friendly_name, **{**defaults, **fields})


def tenant(**fields: Any) -> Tenant:
    """A tenant that may call everything, with what the test says otherwise."""
    return Tenant(**{"id": "local", "name": "Local", "created_at": EPOCH, **fields})


def api_key(presented: str = SECRET, **fields: Any) -> ApiKey:
    """The stored side of an API key."""
    defaults = {"id": presented.split("-")[1], "tenant_id": "local", "name": "", "created_at": EPOCH}
    return ApiKey(sha256=fingerprint(presented), **{**defaults, **fields})


def endpoint(name: str = "support", *members: EndpointModel, **fields: Any) -> Endpoint:
    """A running chat endpoint, with what the test says otherwise."""
    defaults: dict[str, Any] = {"id": f"id-of-{name}", "endpoint_type": "chat", "status": "running"}
    times = {"created_at": EPOCH, "updated_at": EPOCH}
    return Endpoint(name=name, models=members, **{**defaults, **times, **fields})


def member(friendly_name: str, weight: float = 1.0, **fields: Any) -> EndpointModel:
    """A chat deployment's part in an endpoint."""
    return EndpointModel(
        id=f"part-{friendly_name}", deployment_id=f"openai-chat/{friendly_name}", weight=weight, **fields
    )


def tenant_model(name: str = "gpt-4o", **fields: Any) -> TenantModel:
    """A model that the tenant `local` uses, with what the test says otherwise."""
    provider = fields.pop("provider", "openai")
    defaults = {"tenant_id": "local", "model_id": catalog_id(provider, name), "created_at": EPOCH, "updated_at": EPOCH}
    return TenantModel(name=name, provider=provider, **{**defaults, **fields})
