"""What a deployment must be as a whole, by its provider."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest
from gateway.management.deployment_models import DeploymentChange
from gateway.management.upsert import upserted
from gateway.registry.deployments import Deployment
from tests.builders import deployment
from tests.unit.management.plane import EAST, SERVICE_ACCOUNT

NOWHERE = {name: value for name, value in EAST.items() if name != "resource_name"}


def made(stored: Deployment | None = None, **body: Any) -> Deployment:
    one = {"deployment_class": "openai-chat", "friendly_name": "east"}
    return upserted(stored, DeploymentChange.model_validate({**one, **body}), {})


def refused(stored: Deployment | None = None, **body: Any) -> tuple[str | None, str]:
    with pytest.raises(InvalidRequest) as refusal:
        made(stored, **body)
    return refusal.value.param, refusal.value.message


def test_azure_needs_a_resource_or_an_address() -> None:
    assert refused(**NOWHERE)[0] == "resource_name"
    assert made(**NOWHERE, endpoint_url="https://contoso.example").address == "https://contoso.example"


@pytest.mark.parametrize(
    ("provider", "key"), [("openai_compatible", "secret"), ("vllm", None), ("vertex", SERVICE_ACCOUNT)]
)
def test_a_provider_without_a_public_address_needs_one(provider: str, key: str | None) -> None:
    assert refused(**{**EAST, "endpoint_key": key}, provider=provider) == (
        "endpoint_url",
        f"endpoint_url is required for provider {provider}",
    )


@pytest.mark.parametrize("provider", ["openai", "mistral", "anthropic"])
def test_a_provider_with_a_public_address_needs_none(provider: str) -> None:
    assert made(**NOWHERE, provider=provider).endpoint_url == ""


@pytest.mark.parametrize("region", [None, "us east", "x.evil.example/#"])
def test_a_region_that_becomes_part_of_a_host_name_must_be_one(region: str | None) -> None:
    param, message = refused(**NOWHERE, provider="bedrock", region=region)
    assert param == "region" and "not at either end for provider bedrock" in message
    assert made(**NOWHERE, provider="bedrock", region="us-east-1").region == "us-east-1"
    assert made(**NOWHERE, provider="bedrock", region=region, endpoint_url="https://bedrock.example").region == region


def test_a_provider_that_may_be_run_without_keys_needs_none() -> None:
    keyless = {**EAST, "endpoint_key": None, "endpoint_url": "http://llm.internal:8000/v1"}
    assert made(**keyless, provider="vllm").endpoint_key is None
    assert refused(**keyless)[0] == "endpoint_key"


def test_operations_that_the_provider_does_not_serve_are_refused_with_those_it_does() -> None:
    assert refused(**NOWHERE, provider="voyage", supported_endpoints=["rerank", "chat"]) == (
        "supported_endpoints",
        "supported_endpoints must not enable chat: provider voyage serves embedding, rerank",
    )
    assert refused(deployment(), provider="voyage")[0] == "supported_endpoints"


def test_other_providers_than_azure_have_their_own_spelling_of_models() -> None:
    assert made(**{**NOWHERE, "deployment_name": "ft:gpt-4o:org::id", "provider": "openai"}).provider == "openai"
    assert refused(deployment(deployment_name="ft:gpt-4o:org::id", provider="openai"), provider="azure")[0] == (
        "deployment_name"
    )


def test_a_change_of_nothing_changes_nothing() -> None:
    stored = deployment(models=("gpt-4o",), tags={"team": "search"}, rpm=5)
    assert made(stored) == stored


def test_operations_follow_the_class_when_they_are_reset() -> None:
    assert made(deployment(operations=("chat", "embedding")), supported_endpoints=None).operations == ("chat",)
