"""The providers table."""

from __future__ import annotations

import pytest

from gateway.openai.operations import BY_NAME
from gateway.upstream.providers import PROVIDERS
from tests.builders import deployment

VERTEX = "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu"


@pytest.mark.parametrize(
    ("provider", "fields", "operation", "path", "url"),
    [
        (
            "azure",
            {},
            "chat",
            "chat/completions",
            "https://east.openai.azure.com/openai/deployments/m/chat/completions?api-version=V",
        ),
        ("azure", {}, "file", "files/file-1", "https://east.openai.azure.com/openai/files/file-1?api-version=V"),
        ("azure", {}, "response", "responses", "https://east.openai.azure.com/openai/v1/responses"),
        ("openai", {}, "chat", "chat/completions", "https://api.openai.com/v1/chat/completions"),
        ("openai", {"endpoint_url": "http://h/x/"}, "response", "responses/r", "http://h/x/responses/r"),
        ("anthropic", {}, "chat", "chat/completions", "https://api.anthropic.com/v1/chat/completions"),
        ("anthropic", {"endpoint_url": "http://h/x"}, "anthropic", "v1/messages", "http://h/v1/messages"),
        ("gemini", {}, "embedding", "embeddings", "https://generativelanguage.googleapis.com/v1beta/openai/embeddings"),
        (
            "vertex",
            {"endpoint_url": VERTEX},
            "chat",
            "chat/completions",
            VERTEX + "/endpoints/openapi/chat/completions",
        ),
        ("vertex", {"endpoint_url": VERTEX}, "vertex", "v1/x", "https://eu-aiplatform.googleapis.com/v1/x"),
        (
            "bedrock",
            {"region": "us-east-1"},
            "chat",
            "chat/completions",
            "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/chat/completions",
        ),
        ("vllm", {"endpoint_url": "http://h:8000/v1"}, "rerank", "rerank", "http://h:8000/v1/rerank"),
        ("voyage", {}, "rerank", "rerank", "https://api.voyageai.com/v1/rerank"),
        ("mistral", {}, "chat", "chat/completions", "https://api.mistral.ai/v1/chat/completions"),
        ("cohere", {}, "chat", "chat/completions", "https://api.cohere.com/compatibility/v1/chat/completions"),
        ("cohere", {}, "rerank", "rerank", "https://api.cohere.com/v2/rerank"),
    ],
)
def test_every_provider_keeps_its_operations_at_its_own_addresses(provider, fields, operation, path, url):
    made = deployment("east", deployment_name="m", provider=provider, **fields)
    assert PROVIDERS[provider].url(made, operation, path, None, "V") == url


def test_an_api_version_that_is_given_is_used_for_azures_resources():
    url = PROVIDERS["azure"].url(deployment("east"), "response", "responses", "2025-03-01-preview", "V")
    assert url.endswith("/openai/responses?api-version=2025-03-01-preview")


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_every_address_is_of_a_known_operation(provider):
    assert set(provider.addresses) <= set(BY_NAME)


@pytest.mark.parametrize(
    ("provider", "chat", "embedding"),
    [
        *(("openai", True, True), ("anthropic", True, False), ("azure", True, True)),
        *(("bedrock", True, True), ("vllm", True, True), ("voyage", False, True)),
    ],
)
def test_providers_support_what_seed_001_says(provider, chat, embedding):
    addresses = PROVIDERS[provider].addresses
    assert ("chat" in addresses, "embedding" in addresses) == (chat, embedding)
