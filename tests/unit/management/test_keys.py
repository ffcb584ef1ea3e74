"""The routes of stored keys, and the deployments that name them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.registry.deployments import MASK
from gateway.storage.rows import Row
from tests.unit.management.plane import EAST, UPSERT, Plane, mlflow_refusal, refusal

BODY: dict[str, Any] = {"name": "production", "provider": "azure", "value": "s3cret-of-production"}
KEYLESS = {name: value for name, value in EAST.items() if name != "endpoint_key"}


async def stored(plane: Plane, **changes: Any) -> dict[str, Any]:
    """A key that was just made."""
    reply = await plane.ask("POST", "/keys/create", {**BODY, **changes})
    assert reply.status == 200, reply.body
    key: dict[str, Any] = reply.json["key"]
    return key


async def value_of(plane: Plane, key_id: str) -> str | None:
    key = await plane.deployments.keys.read(key_id)
    return None if key is None else key.value


async def test_a_key_is_made_and_shown_without_its_value(plane: Plane) -> None:
    key = await stored(plane)
    assert list(key) == ["key_id", "name", "provider", "value", "created_at", "updated_at", "rotated_at"]
    assert (key["name"], key["provider"], key["value"], key["rotated_at"]) == ("production", "azure", MASK, None)
    assert key["created_at"] == key["updated_at"] and len(key["key_id"]) == 32
    assert await value_of(plane, key["key_id"]) == "s3cret-of-production"


async def test_no_answer_holds_the_value(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    key_id = (await stored(plane))["key_id"]
    secret = BODY["value"]
    replies = [
        await plane.ask("POST", "/keys/create", BODY),
        await plane.ask("POST", "/keys/create", {**BODY, "name": "b", "value": f"{secret} x"}),
        await plane.ask("POST", "/keys/create", {**BODY, "name": "b", "value": [secret]}),
        await plane.ask("POST", "/keys/create", {**BODY, "vaule": secret}),
        await plane.ask("GET", "/keys/list"),
        await plane.ask("GET", f"/keys/get?key_id={key_id}"),
        await plane.ask("POST", "/keys/rotate", {"key_id": key_id, "value": secret}),
        await plane.ask("POST", "/keys/rotate", {"key_id": key_id, "value": f"\x00{secret}"}),
    ]
    assert all(secret not in reply.body.decode() for reply in replies)
    assert secret not in caplog.text
    assert secret not in repr(await plane.tables.list("keys"))


async def test_keys_are_listed_by_name_and_filtered_by_provider(plane: Plane) -> None:
    for name, provider in [("b", "azure"), ("a", "openai"), ("c", "openai")]:
        await stored(plane, name=name, provider=provider)

    async def names(query: str = "") -> list[str]:
        reply = await plane.ask("GET", f"/keys/list{query}")
        assert reply.status == 200
        return [each["name"] for each in reply.json["keys"]]

    assert await names() == ["a", "b", "c"]
    assert await names("?provider=openai") == ["a", "c"]
    assert await names("?provider=voyage") == []


async def test_a_key_is_found_by_id_or_by_name(plane: Plane) -> None:
    key = await stored(plane)
    for query in (f"key_id={key['key_id']}", "name=production"):
        assert (await plane.ask("GET", f"/keys/get?{query}")).json == {"key": key}
    for query in ("", f"key_id={key['key_id']}&name=production"):
        reply = await plane.ask("GET", f"/keys/get?{query}")
        assert mlflow_refusal(reply, 400, "INVALID_PARAMETER_VALUE") == "give either key_id or name"
    for query in ("key_id=nobody", "name=nobody"):
        assert "'nobody'" in mlflow_refusal(
            await plane.ask("GET", f"/keys/get?{query}"), 404, "RESOURCE_DOES_NOT_EXIST"
        )


async def test_a_name_is_one_keys_alone(plane: Plane) -> None:
    key = await stored(plane)
    other = await stored(plane, name="other")
    replies = [
        await plane.ask("POST", "/keys/create", BODY),
        await plane.ask("POST", "/keys/update", {"key_id": other["key_id"], "name": "production"}),
    ]
    for reply in replies:
        assert "'production'" in mlflow_refusal(reply, 409, "RESOURCE_ALREADY_EXISTS")
    made = await asyncio.gather(*(plane.ask("POST", "/keys/create", {**BODY, "name": "new"}) for _ in range(5)))
    assert sorted(reply.status for reply in made) == [200, 409, 409, 409, 409]
    assert (await plane.ask("GET", "/keys/get?name=production")).json == {"key": key}


async def test_a_key_is_renamed_and_keeps_its_value(plane: Plane) -> None:
    key = await stored(plane)
    renamed = (await plane.ask("POST", "/keys/update", {"key_id": key["key_id"], "name": "staging"})).json["key"]
    assert {**renamed, "updated_at": key["updated_at"]} == {**key, "name": "staging"}
    assert renamed["updated_at"] > key["updated_at"]
    assert await value_of(plane, key["key_id"]) == "s3cret-of-production"
    for change in ({}, {"name": None}, {"name": "staging"}):
        same = await plane.ask("POST", "/keys/update", {"key_id": key["key_id"], **change})
        assert same.json == {"key": renamed}


async def test_a_rotated_key_is_served_at_once(plane: Plane) -> None:
    key = await stored(plane)
    await plane.call("PATCH", UPSERT, {**KEYLESS, "key_id": key["key_id"]})
    reply = await plane.ask("POST", "/keys/rotate", {"key_id": key["key_id"], "value": "newer"})
    rotated = reply.json["key"]
    assert rotated["rotated_at"] == rotated["updated_at"] > key["updated_at"]
    assert plane.registry.snapshot is not None
    assert [each.endpoint_key for each in plane.registry.snapshot.deployments] == ["newer"]


async def test_a_key_that_nobody_uses_is_deleted(plane: Plane) -> None:
    key = await stored(plane)
    await plane.call("PATCH", UPSERT, {**KEYLESS, "key_id": key["key_id"]})
    said = mlflow_refusal(await plane.ask("POST", "/keys/delete", {"key_id": key["key_id"]}), 409, "RESOURCE_CONFLICT")
    assert "'openai-chat/east'" in said
    await plane.call("DELETE", "/modeldeployment/openai-chat/east")
    assert (await plane.ask("POST", "/keys/delete", {"key_id": key["key_id"]})).json == {}
    assert (await plane.ask("GET", "/keys/list")).json == {"keys": []}


@pytest.mark.parametrize(
    ("route", "body"),
    [("update", {"name": "b"}), ("rotate", {"value": "newer"}), ("delete", {})],
)
async def test_an_unknown_key_is_404(plane: Plane, route: str, body: dict[str, Any]) -> None:
    reply = await plane.ask("POST", f"/keys/{route}", {"key_id": "nobody", **body})
    assert "'nobody'" in mlflow_refusal(reply, 404, "RESOURCE_DOES_NOT_EXIST")


async def test_without_an_encryption_key_none_is_stored_and_the_answer_says_so() -> None:
    plane = await Plane(encryption_key=None).open()
    said = mlflow_refusal(await plane.ask("POST", "/keys/create", BODY), 503, "FEATURE_DISABLED")
    assert "GATEWAY_ENCRYPTION_KEY" in said


async def test_a_key_that_can_not_be_opened_says_so_and_can_be_rotated(plane: Plane) -> None:
    key_id = (await stored(plane))["key_id"]
    row = await plane.tables.get("keys", "key", f"key:{key_id}")
    assert row is not None
    await plane.tables.put("keys", Row("key", row.key, {**row.values, "Value": "not sealed"}))
    assert (await plane.ask("GET", "/keys/get?name=production")).json["key"]["value"] is None
    await plane.ask("POST", "/keys/rotate", {"key_id": key_id, "value": "newer"})
    assert await value_of(plane, key_id) == "newer"


async def test_a_deployment_may_name_a_stored_key_of_its_provider(plane: Plane) -> None:
    key = await stored(plane)
    reply = await plane.call("PATCH", UPSERT, {**KEYLESS, "key_id": key["key_id"]})
    assert (reply.json["endpoint_key"], reply.json["key_id"]) == (None, key["key_id"])
    listed = (await plane.call("GET", "/modeldeployment/list/active")).json
    assert listed == [reply.json]
    assert (await plane.call("PATCH", UPSERT, listed[0])).json == listed[0]
    await plane.call("POST", "/modeldeployment/openai-chat/east/test")
    assert [each.endpoint_key for each in plane.probed] == ["s3cret-of-production"]


async def test_a_deployment_may_not_name_a_key_that_is_not_there_or_of_another_provider(plane: Plane) -> None:
    error = refusal(await plane.call("PATCH", UPSERT, {**KEYLESS, "key_id": "nobody"}))
    assert error["param"] == "key_id" and "names no stored key" in error["message"]
    key = await stored(plane, provider="openai")
    error = refusal(await plane.call("PATCH", UPSERT, {**KEYLESS, "key_id": key["key_id"]}))
    assert error["message"] == "key_id names a key of provider openai, not azure"


async def test_a_key_and_a_stored_key_take_each_others_place(plane: Plane) -> None:
    key_id = (await stored(plane))["key_id"]
    one = {"deployment_class": "openai-chat", "friendly_name": "east"}
    await plane.upsert()
    for change, shown in [
        ({"key_id": key_id}, (None, key_id)),
        ({"endpoint_key": "own"}, (MASK, None)),
        ({"key_id": key_id, "endpoint_key": None}, (None, key_id)),
        ({"key_id": None, "endpoint_key": "own"}, (MASK, None)),
        ({"key_id": None}, (MASK, None)),
    ]:
        answer = (await plane.call("PATCH", UPSERT, {**one, **change})).json
        assert (answer["endpoint_key"], answer["key_id"]) == shown
    for both in ({"key_id": key_id, "endpoint_key": "own"}, {"key_id": key_id, "endpoint_key": MASK}):
        error = refusal(await plane.call("PATCH", UPSERT, {**one, **both}))
        assert error["message"] == "key_id and endpoint_key exclude each other: give one of them"
