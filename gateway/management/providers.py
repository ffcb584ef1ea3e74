"""The route of providers: what the gateway can be put in front of."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gateway.management.error_models import documented_mlflow
from gateway.openai.operations import BY_NAME
from gateway.upstream.providers import PROVIDERS, Provider

router = APIRouter(tags=["providers"])

_PROVIDER: dict[str, Any] = {
    "name": "mistral",
    "display_name": "Mistral AI",
    "supported_modes": ["chat", "embedding", "moderation", "audio_transcription"],
    "description": "Mistral AI at https://api.mistral.ai/v1. A key is needed.",
}


class ProviderView(BaseModel):
    """A kind of upstream."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROVIDER]})

    name: str = Field(description="What deployments, keys and models of endpoints give as `provider`.")
    display_name: str = Field(description="Its name, for people.")
    supported_modes: list[str] = Field(description="The operations it serves, by name: the types of endpoints.")
    description: str = Field(description="Where it is, and what it asks for.")

    @classmethod
    def of(cls, provider: Provider) -> ProviderView:
        """The view of a provider."""
        modes = [name for name in BY_NAME if name in provider.addresses]
        return cls(
            name=provider.name,
            display_name=provider.display_name,
            supported_modes=modes,
            description=_description(provider, [name for name in modes if BY_NAME[name].native]),
        )


class ProvidersAnswer(BaseModel):
    """All providers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"providers": [_PROVIDER]}]})

    providers: list[ProviderView] = Field(description="The providers.")


@router.get(
    "/providers/list",
    summary="List providers",
    response_description="The providers.",
    responses=documented_mlflow(),
)
async def list_providers() -> ProvidersAnswer:
    """Every provider that a deployment can have, with the operations it serves."""
    return ProvidersAnswer(providers=[ProviderView.of(each) for each in PROVIDERS.values()])


def _description(provider: Provider, native: list[str]) -> str:
    """One line on a provider, from its row of the table."""
    where = provider.default_url or "the address that a deployment gives"
    key = "A key may be left out." if provider.key_optional else "A key is needed."
    if provider.name == "azure":
        where = "https://{resource_name}.openai.azure.com"
        key = "A key is needed, or the gateway's managed identity."
    own = " Its own API is passed through as well." if native else ""
    return f"{provider.display_name} at {where}. {key}{own}"
