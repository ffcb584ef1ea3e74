"""The providers table: where each keeps its operations, and how it wants to be told who calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from gateway.openai.operations import Operation
from gateway.registry.deployments import Deployment


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of upstream.

    url: the address of an operation of a deployment, for an api-version. key_header, key_prefix: how the key is sent.
    model_in_body: whether the body must carry the upstream's own model name, since the address does not.
    default_url: the provider's public address, for registrations that give none.
    """

    name: str
    url: Callable[[Deployment, Operation, str], str]
    key_header: str
    key_prefix: str
    model_in_body: bool
    default_url: str | None = None


def _azure(deployment: Deployment, operation: Operation, api_version: str) -> str:
    name = quote(deployment.deployment_name, safe="")
    return f"{deployment.address}/openai/deployments/{name}/{operation.path}?api-version={api_version}"


def _openai(deployment: Deployment, operation: Operation, _: str) -> str:
    return f"{deployment.endpoint_url.rstrip('/') or 'https://api.openai.com/v1'}/{operation.path}"


PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider("azure", _azure, "api-key", "", model_in_body=False),
        Provider(
            "openai",
            _openai,
            "authorization",
            "Bearer ",
            model_in_body=True,
            default_url="https://api.openai.com/v1",
        ),
        Provider("openai_compatible", _openai, "authorization", "Bearer ", model_in_body=True),
    )
}
