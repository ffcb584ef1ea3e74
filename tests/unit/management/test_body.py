"""Bodies as a whole: JSON, an object, of known fields."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.management.plane import EAST, TOKEN, UPSERT, Plane, refusal

NOT_AN_OBJECT = "the body must be a JSON object, sent with content-type: application/json"


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("friendlyname", "did you mean 'friendly_name'?"),
        ("Weight", "did you mean 'weight'?"),
        ("endpont_key", "did you mean 'endpoint_key'?"),
        ("zzz", "known are: deployment_class, friendly_name"),
    ],
)
async def test_an_unknown_field_is_refused_with_the_one_that_was_meant(plane: Plane, field: str, meant: str) -> None:
    error = refusal(await plane.upsert(**{field: "x"}))
    assert error["param"] == field
    assert error["message"].startswith(f"{field} is no field here; ") and meant in error["message"]
    assert await plane.stored() == {}


async def test_an_unknown_field_is_named_at_64_characters_at_most(plane: Plane) -> None:
    error = refusal(await plane.upsert(**{"x" * 100_000: 1}))
    assert error["param"] == "x" * 64
    assert len(error["message"]) < 1000


async def test_unknown_fields_of_tenants_and_keys_are_refused_too(plane: Plane) -> None:
    await plane.call("POST", "/tenants", {"name": "Contoso"})
    for method, path, body in [
        ("POST", "/tenants", {"name": "Other", "modles": []}),
        ("PATCH", "/tenants/contoso", {"modles": []}),
        ("POST", "/tenants/contoso/keys", {"modles": []}),
    ]:
        assert refusal(await plane.call(method, path, body))["param"] == "modles"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b"1", b"true"])
async def test_a_body_that_is_no_object_is_refused(plane: Plane, body: bytes) -> None:
    error = refusal(await plane.call("PATCH", UPSERT, body=body))
    assert error["message"] == NOT_AN_OBJECT and error["param"] is None


async def test_a_form_is_refused_with_the_content_type_that_is_right(plane: Plane) -> None:
    """What curl sends when nobody told it the content type."""
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/x-www-form-urlencoded"}
    error = refusal(await plane.call("PATCH", UPSERT, EAST, headers=headers))
    assert error["message"] == NOT_AN_OBJECT


async def test_json_without_a_content_type_is_taken(plane: Plane) -> None:
    assert (await plane.call("PATCH", UPSERT, EAST, headers={"authorization": f"Bearer {TOKEN}"})).status == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"deployment_class": ', "the body is not valid JSON: Expecting value at character 21"),
        (b"{'a': 1}", "the body is not valid JSON: Expecting property name"),
        (b"{} {}", "the body is not valid JSON: Extra data at character 3"),
        (b"\xff\xfe\xfd", "the body is not valid JSON"),
        (b'{"weight": ' + b"9" * 5000 + b"}", "the body is not valid JSON"),
        (b"[" * 200_000, "the body is not valid JSON"),
    ],
)
async def test_malformed_json_is_400(plane: Plane, body: bytes, said: str) -> None:
    error = refusal(await plane.call("PATCH", UPSERT, body=body))
    assert said in error["message"] and error["param"] is None


@pytest.mark.parametrize(
    "body",
    [{"region": "\ud83d"}, {"\ud800": 1}, {"tags": {"\udfff": "x"}}, {"supported_endpoints": ["\ud800"]}],
)
async def test_half_a_character_is_refused_wherever_it_stands(plane: Plane, body: dict[str, Any]) -> None:
    error = refusal(await plane.upsert(**body))
    assert error["message"].startswith("the body must hold text that UTF-8 can carry")


@pytest.mark.parametrize("missing", ["deployment_class", "friendly_name"])
async def test_what_names_a_deployment_is_always_required(plane: Plane, missing: str) -> None:
    await plane.upsert()
    error = refusal(await plane.call("PATCH", UPSERT, {name: EAST[name] for name in EAST if name != missing}))
    assert error["message"] == f"{missing} is required" and error["param"] == missing


async def test_all_that_a_new_deployment_lacks_is_said_at_once(plane: Plane) -> None:
    body: dict[str, Any] = {"deployment_class": "openai-chat", "friendly_name": "east"}
    error = refusal(await plane.call("PATCH", UPSERT, body))
    assert error["param"] == "deployment_name"
    for field in ("deployment_name is required", "resource_name is required", "endpoint_key is required"):
        assert field in error["message"]


async def test_all_that_is_wrong_is_said_at_once_up_to_five(plane: Plane) -> None:
    error = refusal(await plane.upsert(weight=0, priority=101, active="yes"))
    assert error["message"] == (
        "active must be true or false; weight must be greater than 0; priority must be less than or equal to 100"
    )
    assert error["param"] == "active"
    error = refusal(await plane.upsert(models=["not ok"] * 8))
    assert error["message"].count("models[") == 5 and error["message"].endswith("; and 3 more")
