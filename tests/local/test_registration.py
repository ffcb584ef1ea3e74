"""Registering with a gateway that is not as it should be: what is tried again, and what is given up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.errors import StorageUnavailable
from gateway.local import registration
from gateway.local.management import ManagementRefused
from gateway.local.registration import NotYet, Registration
from gateway.settings import Settings
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row

TOKEN = "t" * 43


class Gateway:
    """Answers each `METHOD path` with the status that a test sets, and a body that fits."""

    def __init__(self) -> None:
        self.statuses: dict[str, list[int]] = {}
        self.called: list[str] = []
        self.tenants: list[Any] = []
        self.permissions = ["catalog:write", "models:write"]
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        call = f"{request.method} {request.path.removeprefix('/api/v1/management')}"
        self.called.append(call)
        if call in ("POST /tenants", "PATCH /tenants/local"):
            self.tenants.append(await request.json())
        statuses = self.statuses.get(call, [200])
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if call == "GET /tenants/local":
            return web.json_response({"permissions": self.permissions}, status=status)
        return web.json_response({"api_key": "rh-new"} if request.method == "POST" else [], status=status)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", gateway.answer)
    async with TestServer(app) as server:
        gateway.url = str(server.make_url("")).rstrip("/")
        yield gateway


@pytest.fixture
async def tables(monkeypatch: pytest.MonkeyPatch) -> MemoryTables:
    tables = MemoryTables()
    monkeypatch.setattr(registration, "connect", lambda settings: tables)
    await tables.create("management", Row("management", TOKEN, {"Active": True}))
    return tables


@pytest.fixture
async def register(gateway: Gateway, tables: MemoryTables) -> AsyncIterator[Registration]:
    async with aiohttp.ClientSession() as session:
        yield Registration(session, gateway.url, Settings(), 1)


async def test_a_key_that_works_is_kept_and_nothing_is_made(gateway: Gateway, register: Registration) -> None:
    done = await register.register("rh-old", None)
    assert (done.management_token, done.api_key, done.demo_only) == (TOKEN, "rh-old", False)
    assert gateway.called == ["GET /v1/models", "GET /tenants/local"]


async def test_a_tenant_of_an_older_storage_gets_what_it_lacks(gateway: Gateway, register: Registration) -> None:
    gateway.permissions = ["catalog:write"]
    await register.register("rh-old", None)
    assert gateway.called[-1] == "PATCH /tenants/local"
    assert gateway.tenants == [{"permissions": ["catalog:write", "models:write"]}]


async def test_a_key_of_another_tenant_than_the_local_one_is_as_good(gateway: Gateway, register: Registration) -> None:
    gateway.statuses = {"GET /tenants/local": [404]}
    assert (await register.register("rh-old", None)).api_key == "rh-old"
    gateway.statuses = {"GET /tenants/local": [500]}
    with pytest.raises(ManagementRefused):
        await register.register("rh-old", None)


async def test_the_tenant_is_made_with_its_first_key(gateway: Gateway, register: Registration) -> None:
    gateway.statuses = {"GET /v1/models": [401], "POST /tenants/local/keys": [404, 201]}
    assert (await register.register("rh-old", None)).api_key == "rh-new"
    assert gateway.called[1:4] == ["POST /tenants/local/keys", "POST /tenants", "POST /tenants/local/keys"]
    assert gateway.tenants == [{"id": "local", "name": "local", "permissions": ["catalog:write", "models:write"]}]


@pytest.mark.parametrize("call", ["GET /v1/models", "POST /tenants/local/keys"])
async def test_503_means_not_yet(gateway: Gateway, register: Registration, call: str) -> None:
    gateway.statuses = {"GET /v1/models": [401], call: [503]}
    with pytest.raises(NotYet):
        await register.register("rh-old", None)


async def test_any_other_refusal_is_not_tried_again(gateway: Gateway, register: Registration) -> None:
    gateway.statuses = {"POST /tenants/local/keys": [409]}
    with pytest.raises(ManagementRefused, match="POST /api/v1/management/tenants/local/keys: 409"):
        await register.register(None, None)


async def test_a_gateway_that_hangs_up_means_not_yet(register: Registration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "_url", "http://127.0.0.1:9")
    with pytest.raises(NotYet):
        await register.register(None, None)


async def test_a_storage_without_a_token_or_without_an_answer_means_not_yet(
    register: Registration, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tables.delete("management", "management", TOKEN)
    with pytest.raises(NotYet, match="no management token in it yet"):
        await register.register(None, None)

    async def dead(*_: object) -> list[Row]:
        raise StorageUnavailable("Storage can't be reached.")

    monkeypatch.setattr(tables, "list", dead)
    with pytest.raises(NotYet, match="Storage can't be reached"):
        await register.register(None, None)


async def test_the_gateway_is_up_once_health_is_good(gateway: Gateway, register: Registration) -> None:
    gateway.statuses = {"GET /health": [500, 503, 200]}
    await register.gateway_is_up()
    assert gateway.called == ["GET /health"] * 3
