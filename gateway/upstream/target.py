"""Where a call goes at a deployment: address, headers with the credential, body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yarl import URL

from gateway import __version__
from gateway.openai.model_name import swap_model
from gateway.openai.operations import Operation
from gateway.registry.deployments import Deployment
from gateway.upstream.identity import EntraTokens
from gateway.upstream.providers import PROVIDERS

# Compressed event streams can't be read on the way; an upstream that compresses all the same is relayed unread.
_OWN_HEADERS = (("user-agent", f"roundhouse/{__version__}"), ("accept-encoding", "identity"))


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller wants sent: the operation, the body, the headers that may pass, and an api-version if it gave one.

    wants_stream: whether the answer should come as events.
    """

    operation: Operation
    body: bytes
    headers: Sequence[tuple[str, str]]
    api_version: str | None
    wants_stream: bool


class Targets:
    """Turns a call and a deployment into a request; remembers prepared addresses until the registry changes."""

    def __init__(self, default_api_version: str, tokens: EntraTokens) -> None:
        self._default_api_version = default_api_version
        self._tokens = tokens
        self._urls: dict[tuple[str, str, str], URL] = {}

    def forget(self) -> None:
        """The registry changed: prepare addresses anew."""
        self._urls.clear()

    def url(self, deployment: Deployment, call: Call) -> URL:
        """The address: the deployment's api-version wins, then the caller's, then the default."""
        version = deployment.api_version or call.api_version or self._default_api_version
        key = (deployment.id, call.operation.name, version)
        url = self._urls.get(key)
        if url is None:
            text = PROVIDERS[deployment.provider].url(deployment, call.operation, version)
            url = self._urls[key] = URL(text, encoded=True)
        return url

    async def headers(self, deployment: Deployment, call: Call) -> list[tuple[str, str]]:
        """The headers with the deployment's own credential; raises IdentityUnavailable."""
        provider = PROVIDERS[deployment.provider]
        if deployment.auth == "managed_identity":
            credential = ("authorization", f"Bearer {await self._tokens.bearer()}")
        else:
            credential = (provider.key_header, provider.key_prefix + (deployment.endpoint_key or ""))
        return [*call.headers, *_OWN_HEADERS, credential]

    def body(self, deployment: Deployment, call: Call) -> bytes:
        """The caller's own bytes; the model's name is swapped where the address does not carry it."""
        if PROVIDERS[deployment.provider].model_in_body:
            return swap_model(call.body, deployment.deployment_name)
        return call.body
