"""The routes of endpoints: change, attach, detach, delete."""

from __future__ import annotations

import asyncio

from gateway.storage.rows import Row
from tests.unit.management.endpoints import (
    CHAT,
    INLINE,
    changed,
    created,
    listed,
    member_names,
    owned,
    store_key,
)
from tests.unit.management.plane import Plane, mlflow_refusal, refusal


async def test_an_update_keeps_what_it_leaves_out(pair: Plane) -> None:
    made = await created(pair, prompt_affinity=True)
    for change in ({}, {"name": None, "endpoint_type": None, "models": None, "prompt_affinity": None}):
        assert await changed(pair, made, **change) == made
    renamed = await changed(pair, made, name="help")
    assert {**renamed, "name": "support", "updated_at": made["updated_at"]} == made
    assert renamed["updated_at"] > made["updated_at"]
    assert (await changed(pair, made, prompt_affinity=False))["models"] == made["models"]
    assert member_names(await changed(pair, made, models=[{"deployment": "west"}])) == ["west"]
    assert pair.registry.snapshot is not None and list(pair.registry.snapshot.endpoints) == ["help"]


async def test_what_an_answer_shows_of_the_models_may_be_sent_back(pair: Plane) -> None:
    key_id = await store_key(pair)
    made = await created(
        pair, models=[{"deployment": "east", "weight": 0.4}, {**INLINE, "key_id": key_id, "weight": 0.6}]
    )
    assert await changed(pair, made, models=made["models"]) == made
    assert len(await owned(pair)) == 1


async def test_models_that_are_no_longer_named_go_and_take_their_own_deployments_along(pair: Plane) -> None:
    key_id = await store_key(pair)
    made = await created(pair, models=[{"deployment": "east"}, {**INLINE, "key_id": key_id, "priority": 1}])
    (first,) = await owned(pair)
    again = await changed(pair, made, models=[{**INLINE, "key_id": key_id}])
    (second,) = await owned(pair)
    assert first != second and member_names(again) == [second]
    assert (await changed(pair, made, models=[]))["models"] == []
    assert await owned(pair) == []
    assert await pair.deployments.read("openai-chat", "east") is not None


async def test_a_taken_name_or_a_wrong_model_leaves_everything_as_it_was(pair: Plane) -> None:
    key_id = await store_key(pair)
    made = await created(pair)
    await created(pair, name="other")
    before = await pair.tables.list("endpoints"), await pair.stored()
    new = {**INLINE, "key_id": key_id}
    for change, status, code in [
        ({"name": "other", "models": [new]}, 409, "RESOURCE_ALREADY_EXISTS"),
        ({"models": [new, {"deployment": "east", "weight": 0.5}]}, 400, "INVALID_PARAMETER_VALUE"),
        ({"models": [new, {"deployment": "north"}]}, 400, "INVALID_PARAMETER_VALUE"),
    ]:
        reply = await pair.ask("POST", "/endpoints/update", {"endpoint_id": made["endpoint_id"], **change})
        mlflow_refusal(reply, status, code)
        assert (await pair.tables.list("endpoints"), await pair.stored()) == before


async def test_the_type_of_a_stopped_endpoint_can_be_changed_to_what_its_models_serve(pair: Plane) -> None:
    made = await created(pair)
    of = {"endpoint_id": made["endpoint_id"]}
    reply = await pair.ask("POST", "/endpoints/update", {**of, "endpoint_type": "embedding"})
    said = mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE")
    assert said.startswith("endpoint_type can't be embedding: the deployment 'openai-chat/east' serves chat")
    assert (await changed(pair, made, endpoint_type="embedding", models=[]))["endpoint_type"] == "embedding"
    assert (await changed(pair, made, endpoint_type="chat", models=CHAT))["endpoint_type"] == "chat"
    await pair.ask("POST", f"/endpoints/{made['endpoint_id']}/start")
    reply = await pair.ask("POST", "/endpoints/update", {**of, "endpoint_type": "completion"})
    assert "while the endpoint runs" in mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE")
    assert (await changed(pair, made, endpoint_type="chat"))["status"] == "running"


async def test_a_running_endpoint_keeps_a_deployment_that_can_serve(pair: Plane) -> None:
    await pair.upsert(friendly_name="off", active=False)
    made = await created(pair)
    path = f"/endpoints/{made['endpoint_id']}"
    await pair.ask("POST", f"{path}/start")
    for method, body in [
        ("/endpoints/update", {"endpoint_id": made["endpoint_id"], "models": [{"deployment": "off"}]}),
        ("/endpoints/update", {"endpoint_id": made["endpoint_id"], "models": []}),
        (f"{path}/models/detach", {"model_id": made["models"][0]["id"]}),
    ]:
        reply = await pair.ask("POST", method, body)
        assert "no active deployment" in mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE")
    standing_by = [{"deployment": "off"}, {"deployment": "west", "priority": 1}]
    assert (await changed(pair, made, models=standing_by))["status"] == "running"


async def test_concurrent_changes_of_different_fields_all_stay(pair: Plane) -> None:
    made = await created(pair)
    of = made["endpoint_id"]
    replies = await asyncio.gather(
        pair.ask("POST", "/endpoints/update", {"endpoint_id": of, "name": "help"}),
        pair.ask("POST", "/endpoints/update", {"endpoint_id": of, "prompt_affinity": True}),
        pair.ask("POST", f"/endpoints/{of}/models/attach", {"model": {"deployment": "west", "priority": 1}}),
        pair.ask("POST", f"/endpoints/{of}/start"),
    )
    assert [reply.status for reply in replies] == [200] * 4
    after = await listed(pair)
    assert (after["name"], after["prompt_affinity"], after["status"]) == ("help", True, "running")
    assert member_names(after) == ["east", "west"]


async def test_a_model_is_attached_and_detached(pair: Plane) -> None:
    made = await created(pair)
    path = f"/endpoints/{made['endpoint_id']}/models"
    shared = (await pair.ask("POST", f"{path}/attach", {"model": {"deployment": "west"}})).json["endpoint"]
    assert [(each["deployment"], each["weight"]) for each in shared["models"]] == [("east", 0.5), ("west", 0.5)]
    assert shared["models"][0]["id"] == made["models"][0]["id"]
    reply = await pair.ask("POST", f"{path}/attach", {"model": {"deployment": "west"}})
    assert "twice" in mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE")
    key_id = await store_key(pair)
    own = {"model": {**INLINE, "key_id": key_id, "priority": 1}}
    three = (await pair.ask("POST", f"{path}/attach", own)).json["endpoint"]
    assert member_names(three)[2] in await owned(pair)
    reply = await pair.ask("POST", f"{path}/attach", {"model": {**INLINE, "key_id": key_id, "weight": 0.5}})
    assert "sum to 1.5" in mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE")
    assert len(await owned(pair)) == 1
    for model, left in [(three["models"][2], ["east", "west"]), (shared["models"][0], ["west"])]:
        reply = await pair.ask("POST", f"{path}/detach", {"model_id": model["id"]})
        assert member_names(reply.json["endpoint"]) == left
        assert sum(each["weight"] for each in reply.json["endpoint"]["models"]) == 1.0
    assert await owned(pair) == []
    reply = await pair.ask("POST", f"{path}/detach", {"model_id": "nobody"})
    assert "no model with the id 'nobody'" in mlflow_refusal(reply, 404, "RESOURCE_DOES_NOT_EXIST")
    reply = await pair.ask("POST", f"{path}/attach", {"model": {"deployment": "north"}})
    assert mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE").startswith("model.deployment names no deployment")


async def test_a_stopped_endpoint_is_deleted_with_its_own_deployments(pair: Plane) -> None:
    key_id = await store_key(pair)
    made = await created(pair, models=[{"deployment": "east"}, {**INLINE, "key_id": key_id}])
    of = {"endpoint_id": made["endpoint_id"]}
    await pair.ask("POST", f"/endpoints/{made['endpoint_id']}/start")
    said = mlflow_refusal(await pair.ask("POST", "/endpoints/delete", of), 400, "INVALID_PARAMETER_VALUE")
    assert "is running: stop it first" in said
    await pair.ask("POST", f"/endpoints/{made['endpoint_id']}/stop")
    assert (await pair.ask("POST", "/endpoints/delete", of)).json == {}
    assert await owned(pair) == [] and await pair.tables.list("endpoints") == []
    assert pair.registry.snapshot is not None and pair.registry.snapshot.endpoints == {}
    assert len(await pair.stored()) == 2
    assert (await created(pair))["endpoint_id"] != made["endpoint_id"]


async def test_a_row_that_can_not_be_read_can_be_deleted(pair: Plane) -> None:
    made = await created(pair)
    key = f"endpoint:{made['endpoint_id']}"
    await pair.tables.put("endpoints", Row("endpoint", key, {"Name": "support"}))
    assert (await pair.ask("POST", "/endpoints/delete", {"endpoint_id": made["endpoint_id"]})).json == {}
    assert await pair.tables.list("endpoints") == []


async def test_a_deployment_that_an_endpoint_uses_is_not_deleted(pair: Plane) -> None:
    made = await created(pair)
    error = refusal(await pair.call("DELETE", "/modeldeployment/openai-chat/east"), 409)
    assert error["code"] == "conflict" and "'support'" in error["message"]
    await pair.ask("POST", "/endpoints/delete", {"endpoint_id": made["endpoint_id"]})
    assert (await pair.call("DELETE", "/modeldeployment/openai-chat/east")).status == 204


async def test_a_deployment_that_is_gone_is_shown_without_what_it_was(pair: Plane) -> None:
    made = await created(pair)
    await pair.deployments.delete("openai-chat", "east")
    (model,) = (await listed(pair))["models"]
    assert model == {**made["models"][0], "provider": None, "model_name": None}
