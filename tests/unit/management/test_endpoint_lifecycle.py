"""An endpoint's life: start, stop, status."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.metering.endpoint_counts import EndpointCounts
from gateway.openai.operations import BY_NAME
from gateway.openai.routes import route
from tests.unit.management.endpoints import INLINE, created, listed, store_key
from tests.unit.management.plane import Plane, mlflow_refusal


async def go(plane: Plane, endpoint: dict[str, Any], what: str) -> dict[str, Any]:
    """What start or stop answers."""
    reply = await plane.ask("POST", f"/endpoints/{endpoint['endpoint_id']}/{what}")
    assert reply.status == 200, reply.body
    answer: dict[str, Any] = reply.json
    return answer


def served(plane: Plane) -> str:
    """The status in which this instance serves the one endpoint."""
    assert plane.registry.snapshot is not None
    (endpoint,) = plane.registry.snapshot.endpoints.values()
    return endpoint.status


async def test_a_started_endpoint_runs_here_at_once_and_says_where_it_is_called(pair: Plane) -> None:
    made = await created(pair)
    answer = await go(pair, made, "start")
    assert answer["url"] == "/v1/chat/completions"
    started = answer["endpoint"]
    assert (started["status"], started["stopped_at"]) == ("running", None)
    assert started["started_at"] == started["updated_at"] > made["updated_at"]
    assert served(pair) == "running"
    assert await listed(pair) == started


async def test_a_stopped_endpoint_is_stopped_here_at_once(pair: Plane) -> None:
    made = await created(pair)
    started = (await go(pair, made, "start"))["endpoint"]
    answer = await go(pair, made, "stop")
    stopped = answer["endpoint"]
    assert list(answer) == ["endpoint"]
    assert (stopped["status"], stopped["started_at"]) == ("stopped", started["started_at"])
    assert stopped["stopped_at"] == stopped["updated_at"] > started["started_at"]
    assert served(pair) == "stopped"
    again = (await go(pair, made, "start"))["endpoint"]
    assert again["started_at"] > stopped["stopped_at"] == again["stopped_at"]


async def test_to_start_or_stop_twice_is_the_same_as_once(pair: Plane) -> None:
    made = await created(pair)
    assert (await go(pair, made, "stop"))["endpoint"] == made
    first, second = await asyncio.gather(go(pair, made, "start"), go(pair, made, "start"))
    assert first == second == await go(pair, made, "start")
    await pair.upsert(active=False)
    assert (await go(pair, made, "start"))["endpoint"]["status"] == "running"
    stopped = await go(pair, made, "stop")
    assert await go(pair, made, "stop") == stopped


async def test_an_endpoint_without_an_active_deployment_is_not_started(pair: Plane) -> None:
    made = await created(pair, models=[{"deployment": "east"}, {"deployment": "west", "priority": 1}])
    path = f"/endpoints/{made['endpoint_id']}/start"
    await pair.upsert(active=False)
    await pair.deployments.delete("openai-chat", "west")
    said = mlflow_refusal(await pair.ask("POST", path), 400, "INVALID_PARAMETER_VALUE")
    assert said == (
        "The endpoint 'support' has no active deployment that serves chat: east is not active; west is gone."
    )
    await pair.upsert(active=True)
    assert (await pair.ask("POST", path)).status == 200


async def test_a_deployment_whose_stored_key_is_gone_is_not_active(pair: Plane) -> None:
    key_id = await store_key(pair)
    made = await created(pair, models=[{**INLINE, "key_id": key_id}])
    await pair.deployments.keys.delete(key_id)
    reply = await pair.ask("POST", f"/endpoints/{made['endpoint_id']}/start")
    assert "is not active" in mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("endpoint_type", BY_NAME)
async def test_the_path_to_call_leads_to_the_endpoints_type(plane: Plane, endpoint_type: str) -> None:
    native = BY_NAME[endpoint_type].native
    paths = {
        "anthropic": "v1/messages",
        "gemini": "v1beta/models/m:generateContent",
        "bedrock": "model/m/converse",
        "vertex": "v1/publishers/google/models/m:predict",
    }
    await plane.upsert(
        deployment_class=BY_NAME[endpoint_type].deployment_class,
        supported_endpoints=[endpoint_type],
        auth="managed_identity",
        endpoint_key=None,
        provider=endpoint_type if native else "vllm",
        endpoint_url="https://upstream.example/v1",
    )
    made = await created(plane, endpoint_type=endpoint_type)
    url = (await go(plane, made, "start"))["url"]
    found = route(f"{url}/{paths[endpoint_type]}" if native else url)
    assert found is not None and found.operation.name == endpoint_type and "POST" in found.actions


async def test_the_status_tells_how_this_instances_calls_go(pair: Plane) -> None:
    made = await created(
        pair,
        models=[
            {"deployment": "east", "weight": 0.7},
            {"deployment": "west", "weight": 0.3},
        ],
    )
    started = (await go(pair, made, "start"))["endpoint"]
    counts = pair.counts["support"] = EndpointCounts(in_flight=2)
    for number in range(1, 101):
        counts.record(number / 1000, failed=number % 3 == 0)
    pair.resting["openai-chat/west"] = 4.2501
    reply = await pair.ask("GET", f"/endpoints/{made['endpoint_id']}/status")
    assert reply.json == {
        "endpoint_id": made["endpoint_id"],
        "name": "support",
        "status": "running",
        "started_at": started["started_at"],
        "stopped_at": None,
        "scope": "instance",
        "requests": 100,
        "errors": 33,
        "error_rate": 0.33,
        "in_flight": 2,
        "latency_ms": {"p50": 50.0, "p95": 95.0, "p99": 99.0},
        "models": [
            {
                "id": made["models"][0]["id"],
                "deployment": "east",
                "weight": 0.7,
                "priority": 0,
                "cooling_seconds": 0.0,
            },
            {
                "id": made["models"][1]["id"],
                "deployment": "west",
                "weight": 0.3,
                "priority": 0,
                "cooling_seconds": 4.3,
            },
        ],
    }


async def test_the_status_of_an_endpoint_that_was_never_called_has_no_latencies(pair: Plane) -> None:
    made = await created(pair)
    status = (await pair.ask("GET", f"/endpoints/{made['endpoint_id']}/status")).json
    assert (status["requests"], status["errors"], status["error_rate"], status["in_flight"]) == (0, 0, 0.0, 0)
    assert status["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert status["status"] == "stopped"
