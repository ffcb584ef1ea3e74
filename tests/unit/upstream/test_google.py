"""Access tokens of Google service accounts."""

from __future__ import annotations

import asyncio
import json

import pytest
from google.auth.exceptions import RefreshError

from gateway.upstream.google import GoogleTokens
from gateway.upstream.identity import IdentityUnavailable

ACCOUNT = json.dumps({"type": "service_account", "client_email": "a@b", "private_key": "k"})


class FakeCredentials:
    """A service account's credentials; `fails` makes its refresh fail."""

    fails = False
    made = 0

    def __init__(self, info):
        type(self).made += 1
        assert info["client_email"] == "a@b"
        self.token = None
        self.valid = False

    def refresh(self, request):
        if self.fails:
            raise RefreshError("refused; secret detail")
        self.token = f"token{type(self).made}"
        self.valid = True


@pytest.fixture
def credentials(monkeypatch):
    fake = type("Fake", (FakeCredentials,), {"made": 0})

    def from_info(info, scopes):
        assert scopes == ["https://www.googleapis.com/auth/cloud-platform"]
        return fake(info)

    monkeypatch.setattr("google.oauth2.service_account.Credentials.from_service_account_info", from_info)
    return fake


async def test_a_token_is_fetched_once_and_kept(credentials):
    tokens = GoogleTokens()
    assert await asyncio.gather(*(tokens.bearer(ACCOUNT) for _ in range(3))) == ["token1"] * 3
    assert await tokens.bearer(ACCOUNT) == "token1"
    assert credentials.made == 1


async def test_a_token_that_ran_out_is_renewed_with_the_same_credentials(credentials):
    tokens = GoogleTokens()
    await tokens.bearer(ACCOUNT)
    tokens._credentials[ACCOUNT].valid = False
    assert await tokens.bearer(ACCOUNT) == "token1"
    assert credentials.made == 1


@pytest.mark.parametrize("account", [ACCOUNT, "no JSON"])
async def test_no_token_is_told_without_details(credentials, account):
    credentials.fails = True
    with pytest.raises(IdentityUnavailable, match="no Google access token") as caught:
        await GoogleTokens().bearer(account)
    assert "secret" not in str(caught.value)
