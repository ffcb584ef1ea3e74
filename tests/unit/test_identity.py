"""Entra ID tokens."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest
from azure.core.exceptions import ClientAuthenticationError

from gateway.upstream.identity import RENEW_BEFORE_SECONDS, EntraTokens, IdentityUnavailable


class FakeCredential:
    """Hands out numbered tokens."""

    def __init__(self, *lifetimes):
        self.lifetimes = list(lifetimes)
        self.fetched = 0
        self.closed = False

    async def get_token(self, scope):
        assert scope == "https://cognitiveservices.azure.com/.default"
        self.fetched += 1
        await asyncio.sleep(0)
        lifetime = self.lifetimes.pop(0)
        if lifetime is None:
            raise ClientAuthenticationError("no identity; secret detail")
        return SimpleNamespace(token=f"token{self.fetched}", expires_on=time.time() + lifetime)

    async def close(self):
        self.closed = True


@pytest.fixture
def credential(monkeypatch):
    def use(*lifetimes):
        made = FakeCredential(*lifetimes)
        monkeypatch.setattr("azure.identity.aio.DefaultAzureCredential", lambda: made)
        return made

    return use


async def test_a_token_is_fetched_once_and_kept(credential):
    fake = credential(3600)
    tokens = EntraTokens()
    assert await asyncio.gather(*(tokens.bearer() for _ in range(5))) == ["token1"] * 5
    assert await tokens.bearer() == "token1"
    assert fake.fetched == 1
    await tokens.close()
    assert fake.closed


async def test_a_token_is_renewed_before_it_expires(credential):
    credential(RENEW_BEFORE_SECONDS - 1, 3600)
    tokens = EntraTokens()
    assert [await tokens.bearer() for _ in range(3)] == ["token1", "token2", "token2"]


async def test_no_identity_is_told_without_details(credential):
    credential(None)
    with pytest.raises(IdentityUnavailable, match="ClientAuthenticationError") as caught:
        await EntraTokens().bearer()
    assert "secret" not in str(caught.value)


async def test_tokens_that_were_never_needed_close_at_once():
    await EntraTokens().close()
