"""The deployment: one upstream that can serve some operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.openai import operations

MASK = "*********"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One upstream, as registered.

    The six fields of the management API's first form come first. `operations` are the names of the enabled
    operations. `models` are the public names it answers to; with none it belongs to the pool of its class.
    `weight` shares traffic inside a `priority` tier; lower priority is tried first. `rpm`, `tpm`: what the upstream
    allows in a minute. `endpoint_key` is plain text in memory only and never printed; with `key_id` it is the stored
    key's. `endpoint_id`: the endpoint that registered it for itself and is the only way to it; no pool has it.
    `defaults`: parameters that an endpoint adds where a request leaves them out; they are the endpoint's, and not
    stored with the deployment. `id`: unique in a registry, `{class}/{friendly name}`.
    """

    deployment_class: str
    friendly_name: str
    deployment_name: str
    endpoint_key: str | None = field(repr=False, default=None)
    resource_name: str = ""
    active: bool = True
    provider: str = "azure"
    endpoint_url: str = ""
    api_version: str | None = None
    models: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    weight: float = 1.0
    priority: int = 0
    auth: str = "key"
    key_id: str | None = None
    region: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    rpm: int | None = None
    tpm: int | None = None
    endpoint_id: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Every call asks for it many times over.
        object.__setattr__(self, "id", f"{self.deployment_class}/{self.friendly_name}")

    @property
    def address(self) -> str:
        """The upstream's root, without a slash at its end; a path prefix is kept."""
        return (self.endpoint_url or f"https://{self.resource_name}.openai.azure.com").rstrip("/")


def class_operations(deployment_class: str) -> tuple[str, ...]:
    """What a deployment of this class serves when it does not say."""
    return tuple(operation.name for operation in operations.BY_CLASS[deployment_class])


class UnknownOperation(ValueError):
    """A spelling in `supported_endpoints` that names no operation."""


def enabled_operations(supported: Mapping[str, bool] | Iterable[str]) -> tuple[str, ...]:
    """Names of the operations that `supported_endpoints` enables, in the order of the operations table.

    Takes seed 000's dictionary (endpoint → enabled) or its legacy list, by short name, enum or path.
    """
    pairs = supported.items() if isinstance(supported, Mapping) else ((each, True) for each in supported)
    enabled: dict[str, bool] = {}
    for text, switch in pairs:
        operation = operations.spelled(text)
        if operation is None:
            known = ", ".join(operations.BY_NAME)
            raise UnknownOperation(f"{text!r} is no operation; known are: {known}")
        enabled[operation.name] = switch
    return tuple(name for name in operations.BY_NAME if enabled.get(name))
