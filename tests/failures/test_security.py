"""How gateways failed their users in security: every one of these was published about some gateway."""

from __future__ import annotations

import asyncio
import json
import logging

import openai
import pytest

from gateway.registry.tenants import compose, fingerprint
from gateway.storage.tenants import TenantStore
from gateway.storage.tokens import first_management_token
from simulator.script import Script
from simulator.server import Simulator
from tests.builders import SECRET, api_key, tenant
from tests.failures.conftest import chat
from tests.server import stack

UPSTREAM_KEY = "key-of-east"
MANAGEMENT = "/api/v1/management"
INJECTED = [
    "' or '1' eq '1",
    "rh-local0' or PartitionKey ne '-x",
    "rh-' or true or '-s3cret-with_dash",
    "rh-local0-' or sha256 ne '",
    "rh-*-s3cret-with_dash",
    "rh-local0-",
    "rh--",
    "rh-../management/x-y",
]
DISGUISES = [
    "host: gateway/health\r\n",
    "host: x\r\nx-forwarded-prefix: /health\r\nx-forwarded-host: x/health?\r\n",
    "host: x\r\nx-original-url: /health\r\nx-rewrite-url: /health\r\nx-forwarded-uri: /health\r\n",
    f"host: 127.0.0.1{MANAGEMENT}/docs\r\n",
    "host: \r\n",
]
SPELLINGS = [
    "/health/../v1/models",
    "/health/%2e%2e/v1/models",
    "/health//../v1/models",
    "//v1/models",
    "/v1/models/../../health",
    "/v1/models;/health",
    "/v1/models?/health",
    "/v1/models%3f/health",
    "http://x/v1/models",
    f"{MANAGEMENT}/docs/../tenants",
    f"{MANAGEMENT}/docs/%2e%2e/tenants",
    f"{MANAGEMENT}/openapi.json%00/tenants",
    f"{MANAGEMENT}//tenants",
    f"/health{MANAGEMENT}/tenants",
]
GUARDED = [
    ("POST", "/modeldeployment/openai-chat/east/test"),
    ("PATCH", "/modeldeployment/upsert"),
    ("GET", "/modeldeployment/list/all"),
    ("POST", "/explain"),
    ("PATCH", "/tenants/local"),
    ("POST", "/tenants/local/keys"),
]


async def raw(product, request):
    """What the gateway answers to exactly these bytes: status, body."""
    host, port = product.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request.encode("latin-1"))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


async def test_a_key_is_never_part_of_a_query(http):
    """SQL or filter injection in the key check"""
    async with stack(refresh_seconds=60) as product:
        await product.register("east")
        before = product.tables.calls.copy()
        for injected in INJECTED:
            for headers in ({"api-key": injected}, {"authorization": f"Bearer {injected}"}):
                async with http.post(product.url + "/v1/chat/completions", data=b"{}", headers=headers) as answer:
                    assert (answer.status, (await answer.json())["error"]["code"]) == (401, "invalid_api_key")
        assert product.tables.calls == before, "a key is checked in memory"
        for injected in INJECTED:
            headers = {"authorization": f"Bearer {injected}"}
            async with http.get(product.url + MANAGEMENT + "/tenants", headers=headers) as answer:
                assert answer.status == 401
        assert product.tables.calls["list"] == before["list"], "a token is a point read or nothing"


async def test_no_header_makes_a_guarded_path_look_like_an_open_one(product):
    """authorisation decided on a URL derived from `Host` rather than on the dispatched route"""
    for target in ("/v1/models", "/v1/chat/completions", f"{MANAGEMENT}/tenants"):
        for disguise in DISGUISES:
            status, body = await raw(product, f"GET {target} HTTP/1.1\r\n{disguise}connection: close\r\n\r\n")
            assert status == 401, disguise
            assert json.loads(body)["error"]["code"] in ("invalid_api_key", "invalid_management_token")


async def test_no_spelling_of_a_path_gets_past_the_door(product):
    """authorisation decided on a URL derived from `Host` rather than on the dispatched route"""
    for target in SPELLINGS:
        status, body = await raw(product, f"GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert status in (400, 401, 404), target
        assert b'"data"' not in body and b'"tenants"' not in body


async def test_no_secret_stands_in_an_error_or_a_log(product, http, caplog):
    """keys in error URLs and logs"""
    caplog.set_level(logging.DEBUG)
    await product.register("east")
    await product.register("down", endpoint_url="http://127.0.0.1:1", models=("down",))
    token = await first_management_token(product.tables)
    scripts = [
        Script(status=401),
        Script(status=500),
        Script(refuse=True),
        Script(cut_after=1),
        Script(status=302, headers={"location": "http://127.0.0.1:1/"}),
    ]
    told = []
    for script in scripts:
        product.simulator.script("east", script)
        for stream in (False, True):
            async with chat(http, product, stream=stream) as answer:
                told.append(f"{answer.headers} {await answer.text()}")
    sent = {"model": "down", "messages": []}
    query = f"?api-version=2024-10-21&key={product.api_key}"
    async with http.post(
        product.url + "/v1/chat/completions" + query, json=sent, headers={"api-key": SECRET}
    ) as answer:
        told.append(f"{answer.headers} {await answer.text()}")
    for name in ("east", "down"):
        url = f"{product.url}{MANAGEMENT}/modeldeployment/openai-chat/{name}/test"
        async with http.post(url, headers={"authorization": f"Bearer {token}"}) as answer:
            told.append(await answer.text())
    gateways = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("gateway"))
    assert "misconfigured" in gateways
    for secret in (UPSTREAM_KEY, "key-of-down", product.api_key, "s3cret", token):
        assert secret not in caplog.text
        assert all(secret not in each for each in told)


async def test_a_hash_is_neither_shown_nor_taken_for_the_key(product, http):
    """hashes returned by the API and accepted as passwords"""
    token = await first_management_token(product.tables)
    shown = []
    for path in ("/tenants", "/tenants/local", "/tenants/local/keys"):
        headers = {"authorization": f"Bearer {token}"}
        async with http.get(product.url + MANAGEMENT + path, headers=headers) as answer:
            assert answer.status == 200
            shown.append(await answer.text())
    assert "local0" in shown[2]
    stored = fingerprint(SECRET)
    assert all(stored not in each and "sha256" not in each and "s3cret" not in each for each in shown)
    for presented in (stored, compose("local0", stored), compose(stored, "s3cret-with_dash")):
        async with http.get(product.url + "/v1/models", headers={"api-key": presented}) as answer:
            assert answer.status == 401


async def test_a_prefix_of_a_known_key_is_no_key(product, http):
    """a cache keyed on a prefix of the token"""
    await product.register("east")
    async with chat(http, product) as answer:
        assert answer.status == 200
    for presented in (SECRET[:1], SECRET[:9], SECRET[:-1], SECRET + "x", SECRET[:-1] + "X"):
        async with http.get(product.url + "/v1/models", headers={"api-key": presented}) as answer:
            assert answer.status == 401


async def test_an_api_key_tests_nothing_reads_no_configuration_and_widens_no_rights(product, http):
    """a test-connection endpoint any key may call; a configuration route without a role check"""
    await product.register("east")
    for method, path in GUARDED:
        for headers in ({"api-key": SECRET}, {"authorization": f"Bearer {SECRET}"}, {}):
            async with http.request(method, product.url + MANAGEMENT + path, json={}, headers=headers) as answer:
                code = (await answer.json())["error"]["code"]
                assert (answer.status, code) == (401, "invalid_management_token"), path
    assert product.simulator.received() == []


async def test_a_redirect_is_not_followed_so_the_key_goes_nowhere_else(product, http):
    """SSRF by a custom host (check the resolved address, follow no redirect)"""
    async with Simulator() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            await product.register("east", weight=float(status))
            location = f"{elsewhere.url}/openai/deployments/east/chat/completions?api-version=1"
            product.simulator.script("east", Script(status=status, headers={"location": location}))
            async with chat(http, product) as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (502, "upstream_redirects")
                assert "location" not in answer.headers
                assert elsewhere.url not in await answer.text()
        assert elsewhere.received() == []


async def test_one_tenants_thing_is_unknown_to_another(product, client):
    """authorisation by knowing an id"""
    other = compose("other0", "another-secret")
    store = TenantStore(product.tables)
    await store.create(tenant(id="other"))
    await store.create_key(api_key(other, tenant_id="other"))
    await product.register("east", deployment_class="openai-responses", operations=("response",))
    made = await client.responses.create(model="m", input="hi")
    before = len(product.simulator.received())
    with pytest.raises(openai.NotFoundError):
        await client.with_options(api_key=other).responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        await client.with_options(api_key=other).responses.create(model="m", input="", previous_response_id=made.id)
    assert len(product.simulator.received()) == before
