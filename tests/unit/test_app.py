"""The composition root: which path goes where, and what every answer has."""

from __future__ import annotations

import asyncio

import pytest

from gateway.app import DATA_PREFIXES, MANAGEMENT, OPEN_PATHS, create_app
from gateway.openai.operations import OPERATIONS
from gateway.openai.routes import AZURE_PREFIXES, AZURE_RESOURCE_PREFIXES, OPENAI_PREFIXES, PASSTHROUGH_PREFIX
from gateway.settings import Settings
from gateway.storage.memory import MemoryTables
from gateway.storage.tenants import TenantStore
from tests.asgi import call
from tests.builders import SECRET, api_key, tenant
from tests.server import ENCRYPTION_KEY

KEY = {"api-key": SECRET}


@pytest.fixture
async def tables():
    made = MemoryTables()
    await TenantStore(made).create(tenant())
    await TenantStore(made).create_key(api_key())
    return made


@pytest.fixture
async def app(tables):
    made = create_app(Settings(encryption_key=ENCRYPTION_KEY), tables)
    yield made
    await made.close()


def every_data_path():
    for operation in OPERATIONS:
        if operation.native:
            yield f"{PASSTHROUGH_PREFIX}{operation.name}/v1/messages"
            yield f"{PASSTHROUGH_PREFIX}{operation.name}/model/m/invoke"
        for action in operation.actions:
            path = action.path.replace("{id}", "id_1")
            yield from (prefix + path for prefix in (*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES))
            yield from (f"{prefix}gpt/{path}" for prefix in AZURE_PREFIXES)
    yield from (prefix + path for prefix in DATA_PREFIXES for path in ("models", "models/gpt", "unknown", ""))


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"api-key": "rh-local0-wrong"}], ids=str)
async def test_every_data_path_demands_an_api_key(app, headers, method):
    for path in sorted(set(every_data_path())):
        reply = await call(app, method, path, headers=headers, body=b"{}")
        assert (reply.status, reply.json["error"]["code"]) == (401, "invalid_api_key"), path
        assert set(reply.json["error"]) == {"message", "type", "param", "code"}, path
        assert len(reply.headers["x-request-id"]) == 32, path


@pytest.mark.parametrize("path", ["", "/", "/unknown", "/modeldeployment/list/all", "/tenants"])
async def test_every_management_path_demands_a_management_token(app, path):
    for headers in ({}, KEY, {"authorization": f"Bearer {SECRET}"}):
        reply = await call(app, "GET", MANAGEMENT + path, headers=headers)
        assert (reply.status, reply.json["error"]["code"]) == (401, "invalid_management_token")
        assert len(reply.headers["x-request-id"]) == 32


@pytest.mark.parametrize("path", OPEN_PATHS)
async def test_open_paths_answer_without_a_credential(app, path):
    await app.refresh()
    reply = await call(app, "GET", path)
    assert reply.status == 200
    assert (await call(app, "POST", path)).status == 405


async def test_unknown_paths_say_where_things_are(app):
    reply = await call(app, "GET", "/nowhere")
    assert reply.status == 404
    assert "/v1" in reply.json["error"]["message"]
    reply = await call(app, "GET", "/v1/nowhere", headers=KEY)
    assert (reply.status, reply.json["error"]["code"]) == (404, "unknown_url")
    assert (await call(app, "POST", "/v1/models", headers=KEY)).headers["allow"] == "GET"


async def test_the_models_list_is_served(app):
    reply = await call(app, "GET", "/v1/models", headers=KEY)
    assert reply.json == {"object": "list", "data": []}


async def test_readiness_tells_the_truth_about_the_registry(tables):
    tables.available = False
    app = create_app(Settings(encryption_key=ENCRYPTION_KEY), tables)
    await app.refresh()
    empty = await call(app, "GET", "/health/ready")
    assert (empty.status, empty.json["registry"]["state"]) == (503, "empty")
    assert (await call(app, "GET", "/health")).status == 200
    tables.available = True
    await app.refresh()
    fresh = await call(app, "GET", "/health/ready")
    assert (fresh.status, fresh.json["registry"]["state"]) == (200, "fresh")
    tables.available = False
    await app.refresh()
    stale = await call(app, "GET", "/health/ready")
    assert (stale.status, stale.json["registry"]["state"]) == (200, "stale")
    assert stale.json["registry"]["stale_since"]
    await app.close()


async def test_storage_that_is_dead_at_the_start_is_503_with_retry_after_and_recovers(tables):
    tables.available = False
    app = create_app(Settings(encryption_key=ENCRYPTION_KEY), tables)
    for path in ("/v1/chat/completions", "/v1/models"):
        reply = await call(app, "POST", path, headers=KEY, body=b"{}")
        assert (reply.status, reply.json["error"]["code"]) == (503, "registry_unavailable")
        assert int(reply.headers["retry-after"]) >= 1
    tables.available = True
    await app.refresh()
    assert (await call(app, "GET", "/v1/models", headers=KEY)).status == 200
    await app.close()


async def test_a_storage_outage_never_becomes_a_401(app, tables):
    await app.refresh()
    tables.available = False
    await app.refresh()
    assert (await call(app, "GET", "/v1/models", headers=KEY)).status == 200
    reply = await call(app, "GET", MANAGEMENT + "/tenants", headers={"authorization": "Bearer " + "x" * 40})
    assert (reply.status, reply.json["error"]["code"]) == (503, "storage_unavailable")
    assert "retry-after" in reply.headers


async def test_a_defect_is_an_opaque_500_with_the_requests_id(app, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("gateway.app.models_answer", broken)
    reply = await call(app, "GET", "/v1/models", headers=KEY)
    assert (reply.status, reply.json["error"]["code"]) == (500, "internal_error")
    assert reply.headers["x-request-id"] in reply.json["error"]["message"]
    assert "secret detail" not in reply.body.decode()
    assert "secret detail" in caplog.text


async def test_a_defect_after_the_answer_began_is_left_to_the_server(app, monkeypatch):
    async def broken(scope, receive, send, *_):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    monkeypatch.setattr(app._parts.data, "serve", broken)
    with pytest.raises(RuntimeError):
        await call(app, "POST", "/v1/chat/completions", headers=KEY)


async def test_a_caller_that_left_gets_nothing(app):
    async def gone():
        return {"type": "http.disconnect"}

    sent = []
    await app.refresh()
    scope = {"type": "http", "path": "/v1/completions", "method": "POST", "headers": [(b"api-key", SECRET.encode())]}
    await app(scope, gone, sent.append)
    assert sent == []


async def test_lifespan_starts_and_ends_the_background_work(app):
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_websockets_are_closed_politely(app):
    sent = []

    async def send(message):
        sent.append(message["type"])

    await app({"type": "websocket"}, asyncio.Event().wait, send)
    assert sent == ["websocket.close"]


async def test_settings_come_from_the_environment_when_none_are_given(monkeypatch):
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    await create_app().close()
