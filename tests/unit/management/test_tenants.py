"""The routes of tenants and of their API keys."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.registry.limits import FIELDS
from gateway.registry.tenants import fingerprint
from tests.unit.management.plane import Plane, refusal

LIMITS: dict[str, Any] = {
    "rpm": 60,
    "tpm": 100000,
    "minute_cost_limit": 0.5,
    "daily_request_limit": 1000,
    "daily_token_limit": 500000,
    "daily_cost_limit": 10.25,
    "monthly_request_limit": 10000,
    "monthly_token_limit": 10**13,
    "monthly_cost_limit": 250.0,
}


async def contoso(plane: Plane, **fields: Any) -> dict[str, Any]:
    reply = await plane.call("POST", "/tenants", {"name": "Contoso", **fields})
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json
    return made


async def test_a_tenant_needs_a_name_only(plane: Plane) -> None:
    made = await contoso(plane)
    created_at = datetime.fromisoformat(made.pop("created_at"))
    assert timedelta() <= datetime.now(UTC) - created_at < timedelta(minutes=1)
    assert made == {
        "id": "contoso",
        "name": "Contoso",
        "active": True,
        "models": [],
        "start_utc": None,
        "end_utc": None,
        "permissions": [],
        "max_token_cap": None,
        "time_zone": "UTC",
        **dict.fromkeys(FIELDS),
    }


async def test_every_field_of_a_tenant_is_stored_and_shown(plane: Plane) -> None:
    fields = {
        "id": "Team_1.eu",
        "active": False,
        "models": ["gpt-4o"],
        "start_utc": "2026-11-20T09:00:00Z",
        "end_utc": "2027-01-01T00:00:00Z",
        "permissions": ["catalog:write", "models:write"],
        "max_token_cap": 4096,
        "time_zone": "America/Argentina/Ushuaia",
        **LIMITS,
    }
    made = await contoso(plane, **fields)
    assert made.items() >= fields.items()
    assert (await plane.call("GET", "/tenants/Team_1.eu")).json == made


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Contoso Süd GmbH & Co.", "contoso-sud-gmbh-co"),
        ("x" * 100, "x" * 64),
        ("a" * 63 + " b", "a" * 63),
        ("東京", r"tenant-[0-9a-f]{8}"),
    ],
)
async def test_an_id_is_made_from_the_name_or_by_chance(plane: Plane, name: str, made: str) -> None:
    assert re.fullmatch(made, (await contoso(plane, name=name))["id"])


async def test_an_id_that_is_taken_is_409(plane: Plane) -> None:
    await contoso(plane)
    assert refusal(await plane.call("POST", "/tenants", {"name": "Contoso"}), 409)["code"] == "conflict"
    await contoso(plane, id="contoso-2")


async def test_of_concurrent_creations_of_one_id_one_wins(plane: Plane) -> None:
    replies = await asyncio.gather(*(plane.call("POST", "/tenants", {"name": "Contoso"}) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409, 409]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"id": "a/b"}, "id"),
        ({"id": "x' or RowKey ne '"}, "id"),
        ({"active": "yes"}, "active"),
        ({"models": ["a", "a"]}, "models"),
        ({"models": [None]}, "models[0]"),
        ({"start_utc": 0}, "start_utc"),
        ({"permissions": ["catalog:read"]}, "permissions[0]"),
        ({"permissions": ["catalog:write", "catalog:write"]}, "permissions"),
        ({"start_utc": "2027-01-01", "end_utc": "2027-01-01"}, "end_utc"),
        ({"created_at": "2026-11-20T09:00:00Z"}, "created_at"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"max_token_cap": 0}, "max_token_cap"),
        ({"rpm": -1}, "rpm"),
        ({"tpm": 1.5}, "tpm"),
        ({"daily_token_limit": True}, "daily_token_limit"),
        ({"daily_cost_limit": "1"}, "daily_cost_limit"),
        ({"monthly_cost_limit": 2e9}, "monthly_cost_limit"),
        ({"limits": {"rpm": 5}}, "limits"),
    ],
)
async def test_a_wrong_field_of_a_tenant_is_refused_by_name(plane: Plane, fields: dict[str, Any], param: str) -> None:
    assert refusal(await plane.call("POST", "/tenants", {"name": "Contoso", **fields}))["param"] == param
    assert (await plane.call("GET", "/tenants")).json == []


async def test_tenants_are_listed_by_id(plane: Plane) -> None:
    for name in ("beta", "alpha"):
        await contoso(plane, name=name)
    assert [each["id"] for each in (await plane.call("GET", "/tenants")).json] == ["alpha", "beta"]


async def test_limits_are_set_kept_and_reset_one_by_one(plane: Plane) -> None:
    made = await contoso(plane, **LIMITS, time_zone="Europe/Berlin", max_token_cap=5)
    reply = await plane.call("PATCH", "/tenants/contoso", {"daily_token_limit": 0, "rpm": None})
    assert reply.json == {**made, "daily_token_limit": 0, "rpm": None}
    nulls = {**dict.fromkeys(FIELDS), "max_token_cap": None, "time_zone": None}
    reply = await plane.call("PATCH", "/tenants/contoso", nulls)
    assert reply.json == {**made, **nulls, "time_zone": "UTC"}
    assert (await plane.call("GET", "/tenants/contoso")).json == reply.json


async def test_a_time_zone_that_was_meant_is_suggested(plane: Plane) -> None:
    error = refusal(await plane.call("POST", "/tenants", {"name": "Contoso", "time_zone": "Europe/Berln"}))
    assert "IANA" in error["message"] and "did you mean 'Europe/Berlin'?" in error["message"]


async def test_a_change_keeps_what_it_leaves_out_and_null_resets(plane: Plane) -> None:
    made = await contoso(plane, models=["gpt-4o"], end_utc="2027-01-01T00:00:00Z")
    reply = await plane.call("PATCH", "/tenants/contoso", {"active": False})
    assert reply.json == {**made, "active": False}
    nulls = {"active": None, "models": None, "start_utc": None, "end_utc": None}
    reply = await plane.call("PATCH", "/tenants/contoso", {"name": "Contoso Ltd", **nulls})
    assert reply.json == {**made, "name": "Contoso Ltd", "models": [], "end_utc": None}
    assert (await plane.call("GET", "/tenants/contoso")).json == reply.json
    assert (await plane.call("PATCH", "/tenants/contoso", {})).json == reply.json


@pytest.mark.parametrize(
    ("change", "param"),
    [({"name": None}, "name"), ({"start_utc": "2027-06-01"}, "end_utc"), ({"id": "other"}, "id")],
)
async def test_a_wrong_change_is_refused_and_changes_nothing(plane: Plane, change: dict[str, Any], param: str) -> None:
    made = await contoso(plane, end_utc="2027-01-01T00:00:00Z")
    assert refusal(await plane.call("PATCH", "/tenants/contoso", {**change, "active": False}))["param"] == param
    assert (await plane.call("GET", "/tenants/contoso")).json == made


async def test_a_change_is_served_by_this_instance_when_it_answers(plane: Plane) -> None:
    await contoso(plane)
    key = (await plane.call("POST", "/tenants/contoso/keys")).json
    await plane.call("PATCH", "/tenants/contoso", {"active": False})
    assert plane.registry.snapshot is not None
    assert plane.registry.snapshot.callers[key["id"]].tenant.active is False


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/tenants/nobody", None),
        ("PATCH", "/tenants/nobody", {"active": True}),
        ("DELETE", "/tenants/nobody", None),
        ("GET", "/tenants/nobody/keys", None),
        ("POST", "/tenants/nobody/keys", {"name": "ci"}),
        ("DELETE", "/tenants/nobody/keys/0123456789ab", None),
        ("DELETE", "/tenants/contoso/keys/0123456789ab", None),
    ],
)
async def test_an_unknown_tenant_or_key_is_404(plane: Plane, method: str, path: str, body: Any) -> None:
    await contoso(plane)
    assert refusal(await plane.call(method, path, body), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "param"),
    [
        ("GET", "/tenants/a b", "tenant_id"),
        ("PATCH", "/tenants/a b", "tenant_id"),
        ("DELETE", "/tenants/" + "x" * 65, "tenant_id"),
        ("POST", "/tenants/a b/keys", "tenant_id"),
        ("GET", "/tenants/' or '/keys", "tenant_id"),
        ("DELETE", "/tenants/contoso/keys/a b", "key_id"),
    ],
)
async def test_ids_in_paths_obey_the_rules_of_names(plane: Plane, method: str, path: str, param: str) -> None:
    body: dict[str, Any] | None = {} if method in ("PATCH", "POST") else None
    assert refusal(await plane.call(method, path, body))["param"] == param


async def test_a_key_is_shown_once_and_kept_as_a_hash(plane: Plane) -> None:
    await contoso(plane)
    reply = await plane.call("POST", "/tenants/contoso/keys", {"name": "ci"})
    assert reply.status == 201
    made = reply.json
    assert list(made) == ["id", "name", "tenant_id", "created_at", "api_key"]
    assert re.fullmatch(rf"rh-{made['id']}-[A-Za-z0-9_-]{{43}}", made["api_key"])
    assert re.fullmatch(r"[0-9a-f]{12}", made["id"])
    assert (made["name"], made["tenant_id"]) == ("ci", "contoso")
    [row] = [row for row in await plane.tables.list("authorization") if row.key != "tenant"]
    assert row.values["Sha256"] == fingerprint(made["api_key"])
    assert made["api_key"] not in repr(row)
    listed = await plane.call("GET", "/tenants/contoso/keys")
    assert listed.json == [{name: made[name] for name in ("id", "name", "tenant_id", "created_at")}]
    assert plane.registry.snapshot is not None
    assert plane.registry.snapshot.callers[made["id"]].key.matches(made["api_key"])


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"name": null}'])
async def test_a_key_without_a_name_is_called_default(plane: Plane, body: bytes) -> None:
    await contoso(plane)
    reply = await plane.call("POST", "/tenants/contoso/keys", body=body)
    assert (reply.status, reply.json["name"]) == (201, "default")


async def test_keys_are_listed_oldest_first(plane: Plane) -> None:
    await contoso(plane)
    for name in ("one", "two", "three"):
        await plane.call("POST", "/tenants/contoso/keys", {"name": name})
    listed = (await plane.call("GET", "/tenants/contoso/keys")).json
    assert [each["name"] for each in listed] == ["one", "two", "three"]


async def test_a_deleted_key_stops_working_on_this_instance_at_once(plane: Plane) -> None:
    await contoso(plane)
    key = (await plane.call("POST", "/tenants/contoso/keys")).json
    reply = await plane.call("DELETE", f"/tenants/contoso/keys/{key['id']}")
    assert (reply.status, reply.body) == (204, b"")
    assert plane.registry.snapshot is not None and plane.registry.snapshot.callers == {}


async def test_a_deleted_tenant_takes_its_keys_along(plane: Plane) -> None:
    await contoso(plane)
    await plane.call("POST", "/tenants/contoso/keys")
    assert (await plane.call("DELETE", "/tenants/contoso")).status == 204
    assert await plane.tables.list("authorization") == []
    refusal(await plane.call("GET", "/tenants/contoso"), 404)
