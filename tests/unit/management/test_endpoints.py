"""The routes of endpoints: make, list, read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.management.endpoints import (
    INLINE,
    create,
    created,
    owned,
    store_key,
)
from tests.unit.management.plane import Plane, mlflow_refusal


async def test_the_contracts_example_makes_an_endpoint_that_is_stopped(pair: Plane) -> None:
    key_id = await store_key(pair)
    reply = await create(
        pair,
        name="support-chat",
        endpoint_type="chat",
        models=[
            {"deployment": "east", "weight": 0.7, "priority": 0},
            {**INLINE, "key_id": key_id, "weight": 0.3, "priority": 0, "litellm_params": {"temperature": 0.2}},
        ],
    )
    assert reply.status == 200
    made = reply.json["endpoint"]
    first, second = made.pop("models")
    own = f"openai-gpt-4-turbo-{second['id'][:8]}"
    assert first == {
        "id": first["id"],
        "deployment": "east",
        "provider": "azure",
        "model_name": "gpt-4o",
        "weight": 0.7,
        "priority": 0,
        "litellm_params": {},
    }
    assert second == {
        "id": second["id"],
        "deployment": own,
        "provider": "openai",
        "model_name": "gpt-4-turbo",
        "weight": 0.3,
        "priority": 0,
        "litellm_params": {"temperature": 0.2},
    }
    assert made == {
        "endpoint_id": made["endpoint_id"],
        "name": "support-chat",
        "endpoint_type": "chat",
        "status": "stopped",
        "prompt_affinity": False,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "started_at": None,
        "stopped_at": None,
    }
    deployment = await pair.deployments.read("openai-chat", own)
    assert deployment is not None and deployment.endpoint_key == "s3cret-of-openai"
    assert (deployment.endpoint_id, deployment.operations) == (made["endpoint_id"], ("chat",))


async def test_an_endpoint_is_in_the_snapshot_when_the_answer_comes_and_its_own_deployment_in_no_pool(
    pair: Plane,
) -> None:
    await created(pair, models=[{**INLINE, "key_id": await store_key(pair)}])
    snapshot = pair.registry.snapshot
    assert snapshot is not None and list(snapshot.endpoints) == ["support"]
    assert len(snapshot.deployments) == 3
    assert [each.friendly_name for each in snapshot.class_pool["chat"]] == ["east", "west"]
    assert snapshot.by_model == {}


@pytest.mark.parametrize("spelled", ["chat", "CHAT", "openai-chat", "/v1/chat/completions", "chat/completions"])
async def test_a_type_may_be_spelled_as_class_or_path(pair: Plane, spelled: str) -> None:
    assert (await created(pair, endpoint_type=spelled))["endpoint_type"] == "chat"
    listed = await pair.ask("GET", f"/endpoints/list?endpoint_type={spelled}")
    assert [each["name"] for each in listed.json["endpoints"]] == ["support"]


async def test_a_deployment_of_another_class_is_named_with_it(pair: Plane) -> None:
    await pair.upsert(
        deployment_class="openai-responses", friendly_name="both", supported_endpoints=["chat", "response"]
    )
    made = await created(pair, models=[{"deployment": "openai-responses/both"}, {"deployment": "openai-chat/east"}])
    assert [each["deployment"] for each in made["models"]] == ["openai-responses/both", "east"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "name must be 1 to 64 letters"),
        ({"name": ".."}, "name must be 1 to 64 letters"),
        ({"name": "a/b"}, "name must be 1 to 64 letters"),
        ({"name": None}, "name must be a string"),
        ({"endpoint_type": "telepathy"}, "endpoint_type must be one of chat, completion, embedding"),
        ({"endpoint_type": "x" * 65}, "endpoint_type must be one of chat"),
        ({"endpoint_type": None}, "endpoint_type must be a string"),
        ({"models": {}}, "models must be a list"),
        ({"models": [1]}, "models[0] must be an object"),
        ({"models": [{"deployment": "x"}] * 33}, "models must have at most 32 items"),
        ({"models": [{"deploiment": "east"}]}, "models[0].deploiment is no field here; did you mean 'deployment'?"),
        ({"models": [{"deployment": "north"}]}, "models[0].deployment names no deployment"),
        ({"models": [{"deployment": "a/b"}]}, "models[0].deployment must be a deployment's friendly name"),
        ({"models": [{"deployment": "east"}] * 2}, "must not name the deployment 'openai-chat/east' twice"),
        ({"models": [{"deployment": "east", "weight": 0.5}]}, "models of priority 0: the weights sum to 0.5"),
        ({"models": [{"deployment": "east", "weight": 1.5}]}, "models[0].weight must be less than or equal to 1"),
        ({"models": [{"deployment": "east", "weight": -1}]}, "models[0].weight must be greater than or equal to 0"),
        ({"models": [{"deployment": "east", "weight": "1"}]}, "models[0].weight must be a number"),
        ({"models": [{"deployment": "east", "priority": -1}]}, "models[0].priority must be greater than"),
        ({"models": [{"deployment": "east", "priority": 0.5}]}, "models[0].priority must be an integer"),
        ({"models": [{"deployment": "east", "id": "mine"}]}, "id 'mine' is not that of 'openai-chat/east'"),
        ({"models": [{"deployment": "east", "litellm_params": []}]}, "models[0].litellm_params must be an object"),
        ({"models": [{"deployment": "east", "litellm_params": {"model": "x"}}]}, "must not hold 'model'"),
        ({"models": [{"deployment": "east", "litellm_params": {"stream": True}}]}, "must not hold 'stream'"),
        ({"models": [{"deployment": "east", "litellm_params": {"api_key": "s"}}]}, "store it with keys/create"),
        ({"models": [{"deployment": "east", "litellm_params": {"a": float("nan")}}]}, "neither NaN nor Infinity"),
        ({"models": [{"deployment": "east", "litellm_params": {"a": "x" * 8192}}]}, "at most 8,192 characters"),
        (
            {"models": [{"deployment": "east", "litellm_params": {str(number): 1 for number in range(65)}}]},
            "models[0].litellm_params must have at most 64 items",
        ),
        ({"models": [INLINE]}, "models[0].key_id is required for provider openai"),
        ({"prompt_affinity": "yes"}, "prompt_affinity must be true or false"),
        ({"tags": {}}, "tags is no field here"),
    ],
)
async def test_what_breaks_a_rule_is_refused_and_nothing_is_stored(
    pair: Plane, changes: dict[str, Any], said: str
) -> None:
    before = await pair.stored()
    message = mlflow_refusal(await create(pair, **changes), 400, "INVALID_PARAMETER_VALUE")
    assert said in message
    assert await pair.tables.list("endpoints") == [] and await pair.stored() == before


async def test_models_that_do_not_fit_into_a_row_are_refused(pair: Plane) -> None:
    for number in range(6):
        await pair.upsert(friendly_name=f"d{number}")
    large = [{"deployment": f"d{number}", "litellm_params": {"a": "x" * 8000}} for number in range(6)]
    said = mlflow_refusal(await create(pair, models=large), 400, "INVALID_PARAMETER_VALUE")
    assert "Models is not what storage takes: at most 32768 characters" in said


async def test_a_taken_name_is_refused_and_takes_back_what_was_registered(pair: Plane) -> None:
    key_id = await store_key(pair)
    await created(pair)
    before = await pair.stored()
    reply = await create(pair, models=[{**INLINE, "key_id": key_id}])
    assert "'support'" in mlflow_refusal(reply, 409, "RESOURCE_ALREADY_EXISTS")
    assert await pair.stored() == before


async def test_of_several_of_one_name_at_once_one_is_made(pair: Plane) -> None:
    key_id = await store_key(pair)
    replies = await asyncio.gather(*(create(pair, models=[{**INLINE, "key_id": key_id}]) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [200, 409, 409, 409, 409]
    assert len(await owned(pair)) == 1


async def test_endpoints_are_listed_by_name_and_filtered(pair: Plane) -> None:
    ids = {name: (await created(pair, name=name))["endpoint_id"] for name in ("b", "a")}
    await created(pair, name="c", endpoint_type="embedding", models=[])
    await pair.ask("POST", f"/endpoints/{ids['a']}/start")

    async def names(query: str = "") -> list[str]:
        reply = await pair.ask("GET", f"/endpoints/list{query}")
        assert reply.status == 200, reply.body
        return [each["name"] for each in reply.json["endpoints"]]

    assert await names() == ["a", "b", "c"]
    assert await names("?name=b") == ["b"]
    assert await names("?endpoint_type=chat") == ["a", "b"]
    assert await names("?status=running") == ["a"]
    assert await names("?status=stopped&endpoint_type=chat") == ["b"]
    assert await names("?name=nobody") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("nmae=a", "nmae is no field here; did you mean 'name'?"),
        ("status=sleeping", "status must be one of running, stopped, starting, error"),
        ("endpoint_type=telepathy", "endpoint_type must be one of chat"),
        ("name=a%2Fb", "name must be 1 to 64 letters"),
    ],
)
async def test_a_filter_that_is_none_is_refused(pair: Plane, query: str, said: str) -> None:
    reply = await pair.ask("GET", f"/endpoints/list?{query}")
    assert said in mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE")


async def test_an_endpoint_is_found_by_id_or_by_name(pair: Plane) -> None:
    made = await created(pair)
    for query in (f"endpoint_id={made['endpoint_id']}", "name=support"):
        assert (await pair.ask("GET", f"/endpoints/get?{query}")).json == {"endpoint": made}
    for query in ("", f"endpoint_id={made['endpoint_id']}&name=support"):
        reply = await pair.ask("GET", f"/endpoints/get?{query}")
        assert mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE") == "give either endpoint_id or name"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/endpoints/get?endpoint_id=nobody", None),
        ("GET", "/endpoints/get?name=nobody", None),
        ("GET", "/endpoints/nobody/status", None),
        ("POST", "/endpoints/update", {"endpoint_id": "nobody", "name": "b"}),
        ("POST", "/endpoints/delete", {"endpoint_id": "nobody"}),
        ("POST", "/endpoints/nobody/start", None),
        ("POST", "/endpoints/nobody/stop", None),
        ("POST", "/endpoints/nobody/models/attach", {"model": {"deployment": "east"}}),
        ("POST", "/endpoints/nobody/models/detach", {"model_id": "x"}),
    ],
)
async def test_an_unknown_endpoint_is_404(pair: Plane, method: str, path: str, body: Any) -> None:
    assert "'nobody'" in mlflow_refusal(await pair.ask(method, path, body), 404, "RESOURCE_DOES_NOT_EXIST")
