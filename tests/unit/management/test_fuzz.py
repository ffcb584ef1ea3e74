"""Whatever is sent, the answer is one of the documented ones, and nothing half-right is stored."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.management.deployment_models import DeploymentChange
from gateway.registry import names
from tests.unit.management.plane import UPSERT, Plane, refusal

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Text with what filters, tables, addresses and headers choke on.
TEXT = st.text(max_size=80) | st.sampled_from(
    [
        "",
        "'",
        "' or 1 eq 1 or '",
        "../..",
        "a/b",
        "\x00",
        "\r\nx: y",
        "\ud800",
        "*********",
        "e\u0301",
        "\u2028",
        "x" * 5000,
    ]
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(SCALAR, lambda each: st.lists(each, max_size=4) | st.dictionaries(TEXT, each, max_size=4))

FIELDS = list(DeploymentChange.model_fields)


@QUICK
@given(body=st.binary(max_size=200) | JSON.map(lambda each: json.dumps(each).encode()))
async def test_no_body_is_a_defect(plane: Plane, body: bytes) -> None:
    for method, path in [("PATCH", UPSERT), ("POST", "/tenants"), ("PATCH", "/tenants/x"), ("POST", "/tenants/x/keys")]:
        reply = await plane.call(method, path, body=body)
        assert reply.status in (201, 400, 404)
        if reply.status != 201:
            refusal(reply, reply.status)


@settings(QUICK, max_examples=60)
@given(field=st.sampled_from(FIELDS), value=JSON)
async def test_a_field_is_stored_as_it_was_sent_or_refused_by_name(plane: Plane, field: str, value: Any) -> None:
    before = await plane.stored()
    reply = await plane.upsert(**{field: value})
    if reply.status == 200:
        if value is not None and field not in ("endpoint_key", "supported_endpoints"):
            assert reply.json[field] == value
        await plane.call("DELETE", f"/modeldeployment/{reply.json['deployment_class']}/{reply.json['friendly_name']}")
    else:
        error = refusal(reply)
        assert error["message"].startswith((field, "the body must hold text")) or field == "auth"
        assert "s3cret-of-east" not in reply.body.decode()
        assert await plane.stored() == before


@QUICK
@given(name=st.from_regex(names.NAME, fullmatch=True))
async def test_every_name_that_obeys_the_rule_can_be_used(plane: Plane, name: str) -> None:
    assert (await plane.upsert(friendly_name=name)).json["friendly_name"] == name
    path = f"/modeldeployment/openai-chat/{name}"
    listed = (await plane.call("GET", "/listevents/all")).json
    assert (await plane.call("GET", path)).json in listed
    assert (await plane.call("DELETE", path)).status == 204
    assert (await plane.call("POST", "/tenants", {"name": "any", "id": name})).json["id"] == name
    assert (await plane.call("DELETE", f"/tenants/{name}")).status == 204


@QUICK
@given(name=st.text(st.characters(codec="utf-8"), max_size=80))
async def test_no_path_is_a_defect(plane: Plane, name: str) -> None:
    for path in (
        f"/{name}",
        f"/modeldeployment/openai-chat/{name}",
        f"/tenants/{name}",
        f"/tenants/{name}/keys/{name}",
    ):
        for method in ("GET", "DELETE"):
            reply = await plane.call(method, path)
            assert reply.status in (200, 400, 404, 405)
            if reply.status != 200:
                refusal(reply, reply.status)


@QUICK
@given(token=st.text(st.characters(codec="latin-1"), max_size=200))
async def test_no_authorization_is_a_defect(plane: Plane, token: str) -> None:
    for value in (token, f"Bearer {token}"):
        refusal(await plane.call("GET", "/tenants", headers={"authorization": value}), 401)
