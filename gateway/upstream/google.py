"""Access tokens for Google service accounts, by `google-auth`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from gateway.upstream.identity import IdentityUnavailable

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class GoogleTokens:
    """The current token of each service account; its key file's JSON is what a deployment stores as its key."""

    def __init__(self) -> None:
        self._credentials: dict[str, Any] = {}
        self._lock = asyncio.Lock()

    async def bearer(self, account: str) -> str:
        """A valid token; one fetch at a time. Raises IdentityUnavailable."""
        credentials = self._credentials.get(account)
        if credentials is not None and credentials.valid:
            return str(credentials.token)
        async with self._lock:
            return await self._renew(account)

    async def _renew(self, account: str) -> str:
        # Heavy imports, paid only by those who use them.
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
        from google.oauth2.service_account import Credentials

        try:
            credentials = self._credentials.get(account)
            if credentials is None:
                account_info = json.loads(account)
                credentials = Credentials.from_service_account_info(account_info, scopes=[SCOPE])  # type: ignore[no-untyped-call]
                self._credentials[account] = credentials
            if not credentials.valid:
                await asyncio.to_thread(credentials.refresh, Request())
        except (GoogleAuthError, ValueError) as error:
            raise IdentityUnavailable(f"no Google access token: {type(error).__name__}") from error
        return str(credentials.token)
