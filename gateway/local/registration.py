"""What the local run puts into the registry, through the management API: its tenant, its API key, the demo."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from gateway.errors import StorageUnavailable
from gateway.local.demo import call_through_sdk, register_demo
from gateway.local.management import ManagementApi, ManagementRefused
from gateway.registry.tenants import PERMISSIONS
from gateway.settings import Settings
from gateway.storage.tables import connect
from gateway.storage.tokens import first_management_token

TENANT = "local"
POLL_SECONDS = 0.05
SLACK_SECONDS = 0.5


class NotYet(Exception):
    """Storage does not answer, so nothing can be registered; the message says what was tried."""


@dataclass(frozen=True)
class Registered:
    """What opens the gateway. `demo_only`: its chat calls reach the demo's deployments alone, and cost nothing."""

    management_token: str
    api_key: str
    demo_only: bool


class Registration:
    """Registers with the gateway at `url`, which keeps its registry in the storage of `settings`.

    `instances`: how many processes serve there. What one of them is told, the others know after a refresh.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, settings: Settings, instances: int) -> None:
        self._session = session
        self._url = url
        self._settings = settings
        self._instances = instances

    async def gateway_is_up(self) -> None:
        """Wait until the gateway answers at all."""
        while True:
            try:
                async with self._session.get(f"{self._url}/health") as answer:
                    if answer.ok:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(POLL_SECONDS)

    async def register(self, api_key: str | None, upstream: str | None) -> Registered:
        """Register what is missing; all of it may be done again. NotYet if storage can't be reached.

        api_key: one that may work already. upstream: the demo's, if there is to be a demo.
        """
        try:
            token = await self._management_token()
            api = ManagementApi(self._session, self._url, token)
            if api_key is None or not await self._works(api_key):
                api_key = await self._new_key(api)
            await self._permit(api)
            demo_only = upstream is not None and await register_demo(api, upstream)
        except (StorageUnavailable, aiohttp.ClientError, TimeoutError) as error:
            raise NotYet(str(error)) from error
        except ManagementRefused as error:
            if error.status == 503:
                raise NotYet(str(error)) from error
            raise
        if api.has_written and self._instances > 1:
            await asyncio.sleep(self._settings.refresh_seconds + SLACK_SECONDS)
        return Registered(token, api_key, demo_only)

    async def demo(self, registered: Registered) -> str | None:
        """Make the demo's call; answers what became of it, None if it was not made because it might cost something."""
        return await call_through_sdk(self._url, registered.api_key) if registered.demo_only else None

    async def _management_token(self) -> str:
        tables = connect(self._settings)
        try:
            token = await first_management_token(tables)
        finally:
            await tables.close()
        if token is None:
            raise NotYet("there is no management token in it yet")
        return token

    async def _works(self, api_key: str) -> bool:
        """Whether the key opens the data plane of this gateway, whose storage may be another than last time."""
        async with self._session.get(f"{self._url}/v1/models", headers={"api-key": api_key}) as answer:
            if answer.status == 503:
                raise NotYet("the gateway has not read its registry yet")
            return answer.ok

    async def _new_key(self, api: ManagementApi) -> str:
        try:
            made = await api.post(f"/tenants/{TENANT}/keys", {"name": TENANT})
        except ManagementRefused as error:
            if error.status != 404:
                raise
            await api.post("/tenants", {"id": TENANT, "name": TENANT, "permissions": PERMISSIONS})
            made = await api.post(f"/tenants/{TENANT}/keys", {"name": TENANT})
        return str(made["api_key"])

    async def _permit(self, api: ManagementApi) -> None:
        """Let the local tenant do all that a tenant can be let do: an older storage has one that may less."""
        known = await api.tenant(TENANT)
        if known is not None and not set(PERMISSIONS) <= set(known["permissions"]):
            await api.change_tenant(TENANT, {"permissions": PERMISSIONS})
