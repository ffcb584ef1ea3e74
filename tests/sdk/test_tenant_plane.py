"""Seed 002 over HTTP: every curl line of that document, run as written with real ids, gives the shape it documents."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from gateway.catalog.models import catalog_id
from gateway.storage.tenants import TenantStore
from tests.builders import tenant
from tests.server import Stack

HEADERS = '-H "X-API-Key: $API_KEY"'
JSON = f'{HEADERS} \\\n  -H "Content-Type: application/json"'
CATALOG = "$BASE_URL/api/v1/embedding-models/catalog"
TENANT_MODELS = "$BASE_URL/api/v1/tenant-models"
TITAN = catalog_id("bedrock", "amazon.titan-embed-text-v2:0")
# The id that the document writes everywhere; here it stands for a real one.
WRITTEN = "550e8400-e29b-41d4-a716-446655440000"

MODEL = [
    *("id", "provider", "model_name", "model_id", "model_version", "dimensions", "max_tokens", "model_type"),
    *("cost_per_million_tokens", "is_available", "is_deprecated", "requires_api_key", "created_at", "updated_at"),
]
USAGE = ["period", "start_time", "end_time", "total_tokens", "total_requests", "total_cost", "by_model"]
QUOTA = [
    *("model_id", "monthly_token_limit", "monthly_tokens_used", "daily_token_limit", "daily_tokens_used"),
    *("monthly_request_limit", "monthly_requests_used", "is_within_limits"),
]
SELECTION = [
    *("model_id", "model_identifier", "provider", "dimensions", "cost_per_million_tokens", "estimated_cost"),
    *("is_within_quota", "quota_remaining", "metadata"),
]

NEW_MODEL = """'{
    "provider": "openai",
    "model_name": "Text Embedding 3 Small",
    "model_id": "text-embedding-3-small",
    "model_version": "3.0",
    "dimensions": 1536,
    "max_tokens": 8191,
    "cost_per_million_tokens": 0.02,
    "model_type": "embedding",
    "capabilities": {
      "supports_batching": true,
      "max_batch_size": 2048,
      "encoding": "cl100k_base"
    }
  }'"""
MODEL_CHANGE = """'{
    "is_available": false,
    "is_deprecated": true,
    "cost_per_million_tokens": 0.015
  }'"""
CONFIGURED = """'{
    "model_id": "550e8400-e29b-41d4-a716-446655440000",
    "is_enabled": true,
    "is_default": false,
    "monthly_token_limit": 10000000,
    "daily_token_limit": 500000,
    "monthly_request_limit": 10000,
    "priority": 100
  }'"""
RECONFIGURED = """'{
    "is_enabled": true,
    "monthly_token_limit": 20000000,
    "daily_token_limit": 1000000,
    "priority": 150
  }'"""
TASK = """'{
    "agent_id": "650e8400-e29b-41d4-a716-446655440001",
    "task_type": "code_search",
    "requested_model": "text-embedding-3-small",
    "token_estimate": 1500
  }'"""


@dataclass
class Answer:
    """What a curl line was answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Shell:
    """Runs the document's curl lines with curl, or reads them and does the same where there is none."""

    def __init__(self, product: Stack) -> None:
        self.values = {"$BASE_URL": product.url, "$API_KEY": product.api_key}

    async def run(self, line: str, model_id: str = TITAN) -> Answer:
        for name, value in self.values.items():
            line = line.replace(name, value)
        words = shlex.split(line.replace("\\\n", " ").replace(WRITTEN, model_id))
        curl = shutil.which("curl")
        answer = await (self._curled(curl, words) if curl else asyncio.to_thread(_asked, words))
        assert "x-request-id" in answer.headers
        return answer

    async def _curled(self, curl: str, words: list[str]) -> Answer:
        process = await asyncio.create_subprocess_exec(
            curl, *words[1:], "-s", "-i", "--max-time", "20", stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        head, _, body = said.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return Answer(int(status.split()[1]), headers, body)


def _asked(words: list[str]) -> Answer:
    """What the words of a curl line ask, without curl."""
    options = [(words[at], words[at + 1]) for at in range(len(words) - 1)]
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    method = next(value for option, value in options if option == "-X")
    data = next((value.encode() for option, value in options if option == "-d"), None)
    url = next(word for word in words if word.startswith("http"))
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {name.lower(): value for name, value in error.headers.items()}, error.read())


@pytest.fixture
async def shell(product: Stack) -> Shell:
    """A shell with the address and a key whose tenant may do what the document does, as the local run's may."""
    permitted = tenant(permissions=("catalog:write", "models:write"))
    await TenantStore(product.tables).upsert("local", lambda before: permitted)
    await product.gateway.registry.refresh(force=True)
    return Shell(product)


async def test_the_catalogs_lines(shell: Shell) -> None:
    for query in ("page=1&limit=20", "provider=bedrock&available_only=true", "type=embedding"):
        listed = await shell.run(f'curl -X GET "{CATALOG}?{query}" \\\n  {JSON}')
        assert (listed.status, list(listed.json)) == (200, ["models", "pagination"])
        assert list(listed.json["pagination"]) == ["page", "limit", "total", "pages"]
        assert [each for each in listed.json["models"][0] if each in MODEL] == MODEL
    read = await shell.run(f'curl -X GET "{CATALOG}/{WRITTEN}" \\\n  {JSON}')
    assert (read.status, read.json["id"], read.json["model_id"]) == (200, TITAN, "amazon.titan-embed-text-v2:0")
    made = await shell.run(f'curl -X POST "{CATALOG}" \\\n  {JSON} \\\n  -d {NEW_MODEL}')
    assert (made.status, made.json["model_version"]) == (201, "3.0")
    changed = await shell.run(f'curl -X PUT "{CATALOG}/{WRITTEN}" \\\n  {JSON} \\\n  -d {MODEL_CHANGE}')
    assert (changed.status, changed.json["is_available"], changed.json["cost_per_million_tokens"]) == (
        200,
        False,
        0.015,
    )
    deleted = await shell.run(f'curl -X DELETE "{CATALOG}/{WRITTEN}" \\\n  {HEADERS}')
    assert (deleted.status, deleted.body) == (204, b"")
    gone = await shell.run(f'curl -X GET "{CATALOG}/{WRITTEN}" \\\n  {JSON}')
    assert (gone.status, gone.json["error"]) == (404, "Model not found")
    providers = await shell.run(f'curl -X GET "$BASE_URL/api/v1/embedding-models/providers" \\\n  {JSON}')
    assert {"openai", "bedrock"} <= {each["name"] for each in providers.json["providers"]}


async def test_the_tenant_models_lines(shell: Shell) -> None:
    made = await shell.run(f'curl -X POST "{TENANT_MODELS}" \\\n  {JSON} \\\n  -d {CONFIGURED}')
    assert (made.status, made.json["model_id"], made.json["priority"]) == (201, TITAN, 100)
    for query in ("", "?enabled_only=true"):
        listed = await shell.run(f'curl -X GET "{TENANT_MODELS}{query}" \\\n  {JSON}')
        assert (listed.status, listed.json["models"]) == (200, [made.json])
    changed = await shell.run(f'curl -X PUT "{TENANT_MODELS}/{WRITTEN}" \\\n  {JSON} \\\n  -d {RECONFIGURED}')
    assert (changed.status, changed.json["monthly_token_limit"], changed.json["priority"]) == (200, 20000000, 150)
    default = await shell.run(f'curl -X POST "{TENANT_MODELS}/{WRITTEN}/set-default" \\\n  {JSON}')
    assert (default.status, default.json["is_default"]) == (200, True)
    quotas = await shell.run(f'curl -X GET "{TENANT_MODELS}/quotas" \\\n  {JSON}')
    assert (quotas.status, list(quotas.json), quotas.json["tenant_id"]) == (200, ["tenant_id", "quotas"], "local")
    [quota] = quotas.json["quotas"]
    assert list(quota) == QUOTA
    assert (quota["daily_token_limit"], quota["daily_tokens_used"], quota["is_within_limits"]) == (1000000, 0, True)
    removed = await shell.run(f'curl -X DELETE "{TENANT_MODELS}/{WRITTEN}" \\\n  {HEADERS}')
    assert (removed.status, removed.body) == (204, b"")


async def test_the_usage_lines_count_what_was_called(shell: Shell, product: Stack) -> None:
    await product.register("text-embedding-3-small", deployment_class="openai-embeddings", operations=("embedding",))
    small = (await _served(product))[0]
    await shell.run(f'curl -X POST "{TENANT_MODELS}" \\\n  {JSON} \\\n  -d {CONFIGURED}', small)
    async with openai.AsyncOpenAI(base_url=f"{product.url}/v1", api_key=product.api_key, max_retries=0) as client:
        called = await client.embeddings.create(model="text-embedding-3-small", input="count me")
    tokens = called.usage.total_tokens
    for query in ("period=month", f"model_id={WRITTEN}&period=day"):
        usage = await shell.run(f'curl -X GET "{TENANT_MODELS}/usage?{query}" \\\n  {JSON}', small)
        assert (usage.status, list(usage.json)) == (200, USAGE)
        assert (usage.json["total_tokens"], usage.json["total_requests"]) == (tokens, 1)
        assert usage.json["start_time"].endswith("T00:00:00Z") and usage.json["end_time"].endswith("T23:59:59Z")
        [(model_id, used)] = usage.json["by_model"].items()
        assert (model_id, list(used)) == (small, ["tokens", "requests", "cost"])
        assert (used["tokens"], used["requests"]) == (tokens, 1) and used["cost"] > 0
    [quota] = (await shell.run(f'curl -X GET "{TENANT_MODELS}/quotas" \\\n  {JSON}')).json["quotas"]
    assert (quota["daily_tokens_used"], quota["monthly_requests_used"]) == (tokens, 1)


async def _served(product: Stack) -> list[str]:
    """The catalog's ids of the models that the deployments stand for: Azure's, in these tests."""
    return [catalog_id(each.provider, each.deployment_name) for each in await product.registered()]


async def test_the_selection_line(shell: Shell) -> None:
    small = catalog_id("openai", "text-embedding-3-small")
    await shell.run(f'curl -X POST "{TENANT_MODELS}" \\\n  {JSON} \\\n  -d {CONFIGURED}', small)
    line = f'curl -X POST "$BASE_URL/api/v1/embedding-models/select" \\\n  {JSON} \\\n  -d {TASK}'
    chosen = await shell.run(line)
    assert (chosen.status, list(chosen.json)) == (200, SELECTION)
    assert (chosen.json["model_id"], chosen.json["model_identifier"]) == (small, "text-embedding-3-small")
    assert (chosen.json["estimated_cost"], chosen.json["quota_remaining"]) == (0.00003, 500000)
    assert chosen.json["metadata"] == {"selection_reason": "requested_model", "fallback_available": False}


async def test_answers_tell_the_rate_limit_and_what_is_wrong(shell: Shell) -> None:
    read = await shell.run(f'curl -X GET "{CATALOG}" \\\n  {JSON}')
    assert (read.headers["x-ratelimit-limit"], read.headers["x-ratelimit-remaining"]) == ("100", "99")
    assert int(read.headers["x-ratelimit-reset"]) % 60 == 0
    wrong = NEW_MODEL.replace("1536", "-1")
    refused = await shell.run(f'curl -X POST "{CATALOG}" \\\n  {JSON} \\\n  -d {wrong}')
    assert (refused.status, list(refused.json)) == (400, ["error", "details"])
    assert refused.json["error"] == "Invalid request body"
    stranger = await shell.run(f'curl -X GET "{CATALOG}" \\\n  -H "X-API-Key: nobody"')
    assert (stranger.status, stranger.json["error"]) == (401, "Tenant ID not found in context")


async def test_me_tells_a_key_about_itself(shell: Shell) -> None:
    me = await shell.run(f'curl -X GET "$BASE_URL/api/v1/me" \\\n  {HEADERS}')
    assert (me.status, me.json["tenant"]["id"], me.json["key"]["id"]) == (200, "local", "local0")


async def test_the_lines_are_read_alike_without_curl(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    await test_the_tenant_models_lines(shell)
    assert (await shell.run(f'curl -X GET "{CATALOG}" \\\n  -H "X-API-Key: nobody"')).status == 401
