"""The providers table: what each serves, where it keeps it, and how it wants to be told who calls.

An address template knows `{root}` (the deployment's address), `{origin}` (its scheme and host), `{path}` (the action's
path below the version prefix, or the native path), `{name}` (the upstream's own name of the deployment) and
`{version}` (the api-version).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlsplit

from gateway.registry.deployments import Deployment

Scheme = Literal["bearer", "api-key", "x-api-key", "x-goog-api-key", "google"]

_OPENAI = "{root}/{path}"
_AZURE = "{root}/openai/deployments/{name}/{path}?api-version={version}"
_AZURE_RESOURCE = "{root}/openai/{path}?api-version={version}"
_NATIVE = "{origin}/{path}"


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of upstream.

    addresses: the template of each operation it serves. key: how its key is sent; native_key: the same for its own API,
    where that differs. default_url: its public address; may name `{region}`. unversioned: the templates used where
    neither the deployment nor the caller gives an api-version.
    """

    name: str
    display_name: str
    addresses: Mapping[str, str]
    key: Scheme = "bearer"
    native_key: Scheme | None = None
    default_url: str | None = None
    unversioned: Mapping[str, str] = field(default_factory=dict)
    key_optional: bool = False

    def root(self, deployment: Deployment) -> str:
        """The deployment's address, without a slash at its end."""
        if self.default_url is None or deployment.endpoint_url:
            return deployment.address
        return self.default_url.format(region=deployment.region or "")

    def url(self, deployment: Deployment, operation: str, path: str, version: str | None, default_version: str) -> str:
        """The address of one call."""
        template = self.addresses[operation]
        if version is None:
            template = self.unversioned.get(operation, template)
        root = self.root(deployment)
        parts = urlsplit(root)
        return template.format(
            root=root,
            origin=f"{parts.scheme}://{parts.netloc}",
            path=path,
            name=quote(deployment.deployment_name, safe=""),
            version=version or default_version,
        )

    def names_model_in_address(self, operation: str) -> bool:
        """Whether the address says which model is meant, so that the body need not."""
        return "{name}" in self.addresses[operation]


_EVERY_OPENAI = (
    *("chat", "completion", "embedding", "image_generation", "image_edit", "moderation", "response", "batch", "file"),
    *("audio_transcription", "audio_translation", "audio_speech"),
)
_AT_DEPLOYMENTS = (
    *("chat", "completion", "embedding", "image_generation", "image_edit"),
    *("audio_transcription", "audio_translation", "audio_speech"),
)


def _all(template: str, *operations: str) -> dict[str, str]:
    return dict.fromkeys(operations, template)


PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider(
            "azure",
            "Azure OpenAI",
            _all(_AZURE, *_AT_DEPLOYMENTS) | _all(_AZURE_RESOURCE, "response", "batch", "file"),
            key="api-key",
            # Responses came after the api-versions; without one they are asked for under Azure's `v1`.
            unversioned={"response": "{root}/openai/v1/{path}"},
        ),
        Provider("openai", "OpenAI", _all(_OPENAI, *_EVERY_OPENAI), default_url="https://api.openai.com/v1"),
        Provider(
            "anthropic",
            "Anthropic",
            {"chat": "{root}/v1/{path}", "anthropic": _NATIVE},
            key="x-api-key",
            default_url="https://api.anthropic.com",
        ),
        Provider(
            "gemini",
            "Google Gemini",
            _all("{root}/v1beta/openai/{path}", "chat", "embedding", "image_generation") | {"gemini": _NATIVE},
            native_key="x-goog-api-key",
            default_url="https://generativelanguage.googleapis.com",
        ),
        Provider(
            "vertex",
            "Google Vertex AI",
            {"chat": "{root}/endpoints/openapi/{path}", "vertex": _NATIVE},
            key="google",
        ),
        Provider(
            "bedrock",
            "AWS Bedrock",
            _all("{root}/openai/v1/{path}", "chat", "embedding", "response") | {"bedrock": _NATIVE},
            default_url="https://bedrock-runtime.{region}.amazonaws.com",
        ),
        Provider("vllm", "vLLM", _all(_OPENAI, *_EVERY_OPENAI, "rerank"), key_optional=True),
        Provider(
            "voyage", "Voyage AI", _all(_OPENAI, "embedding", "rerank"), default_url="https://api.voyageai.com/v1"
        ),
        Provider(
            "mistral",
            "Mistral AI",
            _all(_OPENAI, "chat", "embedding", "moderation", "audio_transcription"),
            default_url="https://api.mistral.ai/v1",
        ),
        Provider(
            "cohere",
            "Cohere",
            _all("{root}/compatibility/v1/{path}", "chat", "embedding") | {"rerank": "{root}/v2/{path}"},
            default_url="https://api.cohere.com",
        ),
        Provider("openai_compatible", "OpenAI-compatible", _all(_OPENAI, *_EVERY_OPENAI, "rerank"), key_optional=True),
    )
}
