"""The list of providers."""

from __future__ import annotations

from gateway.upstream.providers import PROVIDERS
from tests.unit.management.plane import Plane


async def test_every_provider_is_listed_with_what_it_serves(plane: Plane) -> None:
    reply = await plane.ask("GET", "/providers/list")
    assert reply.status == 200 and list(reply.json) == ["providers"]
    listed = {each["name"]: each for each in reply.json["providers"]}
    assert list(listed) == list(PROVIDERS)
    for name, provider in PROVIDERS.items():
        assert list(listed[name]) == ["name", "display_name", "supported_modes", "description"]
        assert set(listed[name]["supported_modes"]) == set(provider.addresses)
        assert listed[name]["display_name"] == provider.display_name
    described = {name: each["description"] for name, each in listed.items()}
    assert described["azure"] == (
        "Azure OpenAI at https://{resource_name}.openai.azure.com. A key is needed, or the gateway's managed identity."
    )
    assert described["openai"] == "OpenAI at https://api.openai.com/v1. A key is needed."
    assert described["vllm"] == "vLLM at the address that a deployment gives. A key may be left out."
    assert described["anthropic"].endswith("A key is needed. Its own API is passed through as well.")
