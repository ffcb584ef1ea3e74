"""A client of the gateway's own management API, for what the local run registers through it."""

from __future__ import annotations

from typing import Any

import aiohttp

PREFIX = "/api/v1/management"


class ManagementRefused(Exception):
    """The management API did not do what was asked. `status` is its answer's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ManagementApi:
    """The API at `url`, called with the management `token`. Methods raise ManagementRefused and aiohttp's errors.

    has_written: whether it changed anything.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self._url = url + PREFIX
        self._headers = {"authorization": f"Bearer {token}"}
        self.has_written = False

    async def post(self, path: str, body: object) -> Any:
        """The JSON that POST answers."""
        return await self._call("POST", path, body)

    async def tenant(self, tenant_id: str) -> dict[str, Any] | None:
        """A tenant, as the management API shows it; None when there is none."""
        try:
            found: dict[str, Any] = await self._call("GET", f"/tenants/{tenant_id}", None)
        except ManagementRefused as error:
            if error.status != 404:
                raise
            return None
        return found

    async def change_tenant(self, tenant_id: str, change: dict[str, object]) -> None:
        """Change the fields of a tenant that are given."""
        await self._call("PATCH", f"/tenants/{tenant_id}", change)

    async def upsert(self, deployment: dict[str, object]) -> None:
        """Register a deployment, or change the fields that are given."""
        await self._call("PATCH", "/modeldeployment/upsert", deployment)

    async def deployments(self) -> list[dict[str, Any]]:
        """All deployments, as the management API shows them."""
        listed: list[dict[str, Any]] = await self._call("GET", "/modeldeployment/list/all", None)
        return listed

    async def _call(self, method: str, path: str, body: object) -> Any:
        async with self._session.request(method, self._url + path, json=body, headers=self._headers) as answer:
            if answer.status >= 400:
                raise ManagementRefused(
                    answer.status, f"{method} {PREFIX}{path}: {answer.status} {await answer.text()}"
                )
            self.has_written |= method != "GET"
            return await answer.json()
