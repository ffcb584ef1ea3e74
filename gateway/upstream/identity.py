"""Entra ID tokens for upstreams that know the gateway by its managed identity."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential

SCOPE = "https://cognitiveservices.azure.com/.default"
# Entra's tokens live an hour or longer; a new one is fetched while the old one still serves.
RENEW_BEFORE_SECONDS = 300


class IdentityUnavailable(Exception):
    """No token could be had; the text is safe to log."""


class EntraTokens:
    """The current token; fetched when first needed, one fetch at a time."""

    def __init__(self) -> None:
        self._credential: DefaultAzureCredential | None = None
        self._token = ""
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def bearer(self) -> str:
        """A token that is valid for some minutes at least; raises IdentityUnavailable."""
        if time.time() < self._renew_at:
            return self._token
        async with self._lock:
            if time.time() >= self._renew_at:
                await self._fetch()
            return self._token

    async def _fetch(self) -> None:
        # A heavy import, paid only by those who use it.
        from azure.core.exceptions import AzureError
        from azure.identity.aio import DefaultAzureCredential

        self._credential = self._credential or DefaultAzureCredential()
        try:
            token = await self._credential.get_token(SCOPE)
        except AzureError as error:
            raise IdentityUnavailable(f"no managed identity token: {type(error).__name__}") from error
        self._token, self._renew_at = token.token, token.expires_on - RENEW_BEFORE_SECONDS

    async def close(self) -> None:
        """Let go of the credential's connections."""
        if self._credential is not None:
            await self._credential.close()
