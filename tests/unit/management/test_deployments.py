"""The routes of deployments."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.management.context import ProbeResult
from gateway.storage.rows import Row, RowChanged
from tests.unit.management.plane import EAST, UPSERT, Plane, refusal

SHOWN: dict[str, Any] = {
    "deployment_class": "openai-chat",
    "friendly_name": "east",
    "deployment_name": "gpt-4o",
    "endpoint_key": "*********",
    "resource_name": "contoso-east",
    "active": True,
    "provider": "azure",
    "endpoint_url": None,
    "api_version": None,
    "models": [],
    "supported_endpoints": {"chat": True},
    "weight": 1.0,
    "priority": 0,
    "auth": "key",
    "key_id": None,
    "region": None,
    "tags": {},
    "rpm": None,
    "tpm": None,
    "endpoint_id": None,
}
FULL: dict[str, Any] = {
    **EAST,
    "active": False,
    "provider": "openai_compatible",
    "endpoint_url": "https://llm.contoso.example:8443/prefix/v1",
    "api_version": "2024-10-21",
    "models": ["gpt-4o", "meta-llama/Llama-3.1-8B"],
    "supported_endpoints": {"chat": True, "embedding": True, "completion": False},
    "weight": 2.5,
    "priority": 7,
    "auth": "managed_identity",
    "key_id": None,
    "region": "West Europe",
    "tags": {"team": "search", "kostenstelle": "Überraschung 42"},
    "rpm": 600,
    "tpm": 1_000_000_000,
    "endpoint_id": None,
}


async def test_seed_004s_body_registers_a_deployment_and_answers_it_whole_but_for_its_key(plane: Plane) -> None:
    reply = await plane.call("PATCH", UPSERT, EAST)
    assert reply.status == 200
    assert reply.json == SHOWN
    assert list(reply.json) == list(SHOWN)
    deployment = await plane.deployments.read("openai-chat", "east")
    assert deployment is not None and deployment.endpoint_key == "s3cret-of-east"


async def test_an_upsert_is_served_by_this_instance_when_it_answers(plane: Plane) -> None:
    await plane.upsert()
    assert plane.registry.snapshot is not None
    assert [each.id for each in plane.registry.snapshot.deployments] == ["openai-chat/east"]


async def test_every_optional_field_is_stored_and_shown(plane: Plane) -> None:
    shown = {**FULL, "endpoint_key": "*********", "supported_endpoints": {"chat": True, "embedding": True}}
    assert (await plane.call("PATCH", UPSERT, FULL)).json == shown
    assert (await plane.call("GET", "/modeldeployment/openai-chat/east")).json == shown


async def test_the_same_upsert_twice_is_the_same_as_once(plane: Plane) -> None:
    await plane.call("PATCH", UPSERT, FULL)
    before = await plane.stored()
    assert (await plane.call("PATCH", UPSERT, FULL)).status == 200
    assert await plane.stored() == before


async def test_what_was_listed_may_be_sent_back_as_it_is(plane: Plane) -> None:
    for body in (EAST, FULL):
        await plane.call("PATCH", UPSERT, body)
        before = await plane.deployments.read("openai-chat", "east")
        listed = (await plane.call("GET", "/modeldeployment/list/all")).json[0]
        assert (await plane.call("PATCH", UPSERT, listed)).json == listed
        assert await plane.deployments.read("openai-chat", "east") == before


async def test_what_an_upsert_leaves_out_is_kept(plane: Plane) -> None:
    await plane.call("PATCH", UPSERT, FULL)
    reply = await plane.call(
        "PATCH", UPSERT, {"deployment_class": "openai-chat", "friendly_name": "east", "active": True}
    )
    assert reply.json == {
        **FULL,
        "active": True,
        "endpoint_key": "*********",
        "supported_endpoints": {"chat": True, "embedding": True},
    }


async def test_null_resets_an_optional_field_to_its_default(plane: Plane) -> None:
    await plane.call("PATCH", UPSERT, FULL)
    nulls = {name: None for name in FULL if name not in EAST}
    body = {"deployment_class": "openai-chat", "friendly_name": "east", "active": None, **nulls}
    assert (await plane.call("PATCH", UPSERT, body)).json == SHOWN


async def test_a_key_can_be_taken_away_only_where_none_is_needed(plane: Plane) -> None:
    await plane.upsert()
    error = refusal(await plane.upsert(endpoint_key=None))
    assert error["param"] == "endpoint_key" and "managed_identity" in error["message"]
    assert (await plane.upsert(endpoint_key=None, auth="managed_identity")).json["endpoint_key"] is None
    refusal(await plane.upsert(endpoint_key="*********", auth="key"))


@pytest.mark.parametrize(
    ("url", "status"),
    [("http://llm.contoso.example", 400), ("https://llm.contoso.example", 200), ("http://127.0.0.1:8000", 200)],
)
async def test_an_identitys_token_never_travels_in_the_clear(plane: Plane, url: str, status: int) -> None:
    reply = await plane.upsert(endpoint_key=None, auth="managed_identity", endpoint_url=url)
    assert reply.status == status
    assert status == 200 or reply.json["error"]["param"] == "endpoint_url"


async def test_nothing_is_stored_when_anything_is_wrong(plane: Plane) -> None:
    wrong: list[dict[str, Any]] = [{"weight": 0}, {"endpoint_key": None}, {"supported_endpoints": []}, {"unknown": 1}]
    for change in wrong:
        refusal(await plane.upsert(**change))
    assert await plane.stored() == {}
    await plane.upsert()
    before = await plane.stored()
    refusal(await plane.upsert(weight=2, deployment_name="not/for/azure"))
    assert await plane.stored() == before


async def test_concurrent_upserts_of_different_fields_all_stay(plane: Plane) -> None:
    await plane.upsert()
    one = {"deployment_class": "openai-chat", "friendly_name": "east"}
    changes: list[dict[str, Any]] = [
        {"weight": 3},
        {"priority": 4},
        {"region": "swedencentral"},
        {"rpm": 5},
        {"tpm": 6},
        {"models": ["gpt-4o"]},
    ]
    replies = await asyncio.gather(*(plane.call("PATCH", UPSERT, {**one, **change}) for change in changes))
    assert [reply.status for reply in replies] == [200] * len(changes)
    stored = (await plane.call("GET", "/modeldeployment/openai-chat/east")).json
    for change in changes:
        assert stored.items() >= change.items()


async def test_concurrent_first_upserts_of_one_name_all_succeed(plane: Plane) -> None:
    replies = await asyncio.gather(*(plane.upsert(priority=number) for number in range(5)))
    assert [reply.status for reply in replies] == [200] * 5
    assert len(await plane.stored()) == 1


async def test_lists_are_sorted_by_class_and_name_and_active_leaves_out_the_others(plane: Plane) -> None:
    for deployment_class, name, active in [
        ("openai-embeddings", "a", True),
        ("openai-chat", "z", False),
        ("openai-chat", "b", True),
        ("openai-chat", "B", True),
    ]:
        await plane.upsert(deployment_class=deployment_class, friendly_name=name, active=active)
    for route in ("/modeldeployment/list/", "/listevents/"):
        shown = (await plane.call("GET", route + "all")).json
        assert [f"{each['deployment_class']}/{each['friendly_name']}" for each in shown] == [
            "openai-chat/B",
            "openai-chat/b",
            "openai-chat/z",
            "openai-embeddings/a",
        ]
        assert (await plane.call("GET", route + "active")).json == [each for each in shown if each["active"]]


async def test_an_empty_list_is_a_list(plane: Plane) -> None:
    assert (await plane.call("GET", "/listevents/active")).json == []


async def test_a_list_of_something_else_is_refused_with_the_choices(plane: Plane) -> None:
    error = refusal(await plane.call("GET", "/modeldeployment/list/activ"))
    assert error["param"] == "which"
    assert error["message"] == "which must be one of all, active; did you mean 'active'?"


async def test_a_deployment_is_read_and_deleted_by_its_name(plane: Plane) -> None:
    await plane.upsert()
    assert (await plane.call("GET", "/modeldeployment/openai-chat/east")).json == SHOWN
    reply = await plane.call("DELETE", "/modeldeployment/openai-chat/east")
    assert (reply.status, reply.body) == (204, b"")
    assert plane.registry.snapshot is not None and plane.registry.snapshot.deployments == ()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/modeldeployment/openai-chat/west"),
        ("DELETE", "/modeldeployment/openai-chat/west"),
        ("POST", "/modeldeployment/openai-chat/west/test"),
        ("GET", "/modeldeployment/openai-embeddings/east"),
    ],
)
async def test_an_unknown_deployment_is_404(plane: Plane, method: str, path: str) -> None:
    await plane.upsert()
    error = refusal(await plane.call(method, path), 404)
    assert error["code"] == "not_found"
    assert path.removesuffix("/test").removeprefix("/modeldeployment/") in error["message"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize(
    ("one", "param", "rule"),
    [
        ("openai-chat/not a name", "friendly_name", "1 to 64 letters"),
        ("openai-chat/' or RowKey ne '", "friendly_name", "1 to 64 letters"),
        ("openai-chat/" + "x" * 65, "friendly_name", "1 to 64 letters"),
        ("openai-chats/east", "deployment_class", "did you mean 'openai-chat'?"),
    ],
)
async def test_names_in_paths_obey_the_rules_of_names(
    plane: Plane, method: str, one: str, param: str, rule: str
) -> None:
    error = refusal(await plane.call(method, f"/modeldeployment/{one}" + ("/test" if method == "POST" else "")))
    assert error["param"] == param and rule in error["message"]


async def test_a_test_says_what_one_real_call_came_to(plane: Plane) -> None:
    await plane.upsert()
    reply = await plane.call("POST", "/modeldeployment/openai-chat/east/test")
    assert reply.status == 200
    assert reply.json == {
        "deployment": "east",
        "deployment_class": "openai-chat",
        "ok": True,
        "status": 200,
        "latency_ms": 12.5,
        "error": None,
    }
    assert [each.endpoint_key for each in plane.probed] == ["s3cret-of-east"]


async def test_an_inactive_deployment_can_be_tested(plane: Plane) -> None:
    await plane.upsert(active=False)
    assert (await plane.call("POST", "/modeldeployment/openai-chat/east/test")).json["ok"] is True


async def test_a_deployment_without_a_key_can_be_tested(plane: Plane) -> None:
    await plane.upsert(endpoint_key=None, auth="managed_identity")
    plane.probe_result = ProbeResult(ok=False, status=None, latency_ms=None, error="no token")
    assert (await plane.call("POST", "/modeldeployment/openai-chat/east/test")).json["error"] == "no token"


async def test_a_failed_test_does_not_quote_the_key(plane: Plane) -> None:
    await plane.upsert()
    plane.probe_result = ProbeResult(ok=False, status=401, latency_ms=3.0, error="Incorrect key: s3cret-of-east.")
    reply = await plane.call("POST", "/modeldeployment/openai-chat/east/test")
    assert reply.json["ok"] is False
    assert reply.json["error"] == "Incorrect key: *********."


async def test_writers_that_lose_again_and_again_hear_409(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    async def one_more_writer(table: str, row: Row) -> Row:
        raise RowChanged

    await plane.upsert()
    monkeypatch.setattr(plane.tables, "replace", one_more_writer)
    assert refusal(await plane.upsert(weight=2), 409)["code"] == "conflict"


async def test_a_row_of_a_newer_gateway_can_be_read_and_is_changed_only_into_what_this_one_knows(plane: Plane) -> None:
    await plane.upsert()
    row = (await plane.stored())["openai-chat", "east"]
    await plane.tables.put("configuration", Row(row.partition, row.key, {**row.values, "Provider": "newest"}))
    assert (await plane.call("GET", "/modeldeployment/openai-chat/east")).json["provider"] == "newest"
    one = {"deployment_class": "openai-chat", "friendly_name": "east"}
    assert refusal(await plane.call("PATCH", UPSERT, {**one, "weight": 2}))["param"] == "provider"
    assert (await plane.call("PATCH", UPSERT, {**one, "provider": "azure"})).status == 200
