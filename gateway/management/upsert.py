"""What an upsert makes of a deployment: pure, so that the store may try it again after another writer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import InvalidRequest
from gateway.management import credentials
from gateway.management.deployment_models import DeploymentChange
from gateway.registry import names
from gateway.registry.deployments import MASK, Deployment, class_operations
from gateway.registry.keys import Key
from gateway.upstream.providers import PROVIDERS, Provider


def upserted(stored: Deployment | None, change: DeploymentChange, keys: Mapping[str, Key]) -> Deployment:
    """The deployment as the change leaves it; `stored` is None for a new one, keys by id. Raises InvalidRequest."""
    values = _values(stored, change)
    deployment = Deployment(**values) if stored is None else replace(stored, **values)
    found = list(problems(deployment, keys))
    if found:
        raise InvalidRequest("; ".join(f"{field} {problem}" for field, problem in found), param=found[0][0])
    return deployment


def _values(stored: Deployment | None, change: DeploymentChange) -> dict[str, Any]:
    """The fields of Deployment that the change sets: all of a new one, else those the body names."""
    fields = DeploymentChange.model_fields
    values: dict[str, Any] = {}
    for name in fields if stored is None else change.model_fields_set:
        given = getattr(change, name)
        values[name] = fields[name].default if given is None and not fields[name].is_required() else given
    if values.get("endpoint_key") == MASK:
        if stored is None or stored.endpoint_key is None:
            raise InvalidRequest(
                f"endpoint_key {MASK!r} keeps the key that is stored, and none is: give the key itself",
                param="endpoint_key",
            )
        del values["endpoint_key"]
    if values.get("key_id") is not None and "endpoint_key" not in change.model_fields_set:
        values["endpoint_key"] = None
    if values.get("endpoint_key") is not None and "key_id" not in change.model_fields_set:
        values["key_id"] = None
    if values.pop("endpoint_id", None) != (stored and stored.endpoint_id) and "endpoint_id" in change.model_fields_set:
        raise InvalidRequest("endpoint_id can't be changed: leave it out, or as it was listed", param="endpoint_id")
    if "supported_endpoints" in values:
        values["operations"] = values.pop("supported_endpoints") or class_operations(change.deployment_class)
    if "models" in values:
        values["models"] = tuple(values["models"])
    for name in ("deployment_name", "resource_name", "endpoint_url"):
        if name in values:
            values[name] = values[name] or ""
    return values


def problems(deployment: Deployment, keys: Mapping[str, Key]) -> Iterator[tuple[str, str]]:
    """What is wrong with the whole though each field is right: (field, the rule it breaks)."""
    provider = PROVIDERS.get(deployment.provider)
    if provider is None:
        # A row by a newer gateway, or by hand.
        yield "provider", f"as stored is none that this gateway knows; must be one of {', '.join(PROVIDERS)}"
        return
    if not deployment.deployment_name:
        yield "deployment_name", "is required: the upstream's own name of it"
    elif provider.name == "azure" and names.NAME.fullmatch(deployment.deployment_name) is None:
        yield "deployment_name", f"must be {names.NAME_RULE} for provider azure"
    if not deployment.endpoint_url:
        yield from _without_address(deployment, provider)
    elif deployment.auth == "managed_identity" and _is_in_the_clear(deployment.endpoint_url):
        yield "endpoint_url", "must be https:// with auth 'managed_identity': a token is sent there"
    yield from _without_key(deployment, provider, keys)
    foreign = [name for name in deployment.operations if name not in provider.addresses]
    if foreign:
        served = ", ".join(provider.addresses)
        yield "supported_endpoints", f"must not enable {', '.join(foreign)}: provider {provider.name} serves {served}"


def _is_in_the_clear(url: str) -> bool:
    """Whether what is sent there can be read on its way; what stays on this machine can't."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "http" and host not in ("localhost", "::1") and not host.startswith("127.")


def _without_key(deployment: Deployment, provider: Provider, keys: Mapping[str, Key]) -> Iterator[tuple[str, str]]:
    """What is wrong with the credential."""
    if deployment.endpoint_key is not None:
        rule = credentials.problem(provider.name, deployment.endpoint_key)
        if rule is not None:
            yield "endpoint_key", rule
        if deployment.key_id is not None:
            yield "key_id", "and endpoint_key exclude each other: give one of them"
    elif deployment.key_id is not None:
        key = keys.get(deployment.key_id)
        if key is None:
            yield "key_id", "names no stored key; /api/3.0/mlflow/gateway/keys/list shows them"
        elif key.provider != provider.name:
            yield "key_id", f"names a key of provider {key.provider}, not {provider.name}"
    elif deployment.auth == "key" and not provider.key_optional:
        yield "endpoint_key", "is required, or auth 'managed_identity' or key_id in its place"


def _without_address(deployment: Deployment, provider: Provider) -> Iterator[tuple[str, str]]:
    """What is wrong when there is no endpoint_url."""
    if provider.name == "azure":
        if not deployment.resource_name:
            yield "resource_name", "is required for provider azure, or endpoint_url in its place"
    elif provider.default_url is None:
        yield "endpoint_url", f"is required for provider {provider.name}"
    elif "{region}" in provider.default_url and names.RESOURCE.fullmatch(deployment.region or "") is None:
        # It becomes part of a host name.
        yield (
            "region",
            f"must be {names.RESOURCE_RULE} for provider {provider.name}, or endpoint_url given in its place",
        )
