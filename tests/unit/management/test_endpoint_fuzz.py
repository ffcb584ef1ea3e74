"""Whatever is sent to the routes of endpoints and keys, the answer is one of the documented ones."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.management.endpoint_models import EndpointCreation, ModelSpec
from tests.unit.management.endpoints import create, listed
from tests.unit.management.plane import Plane
from tests.unit.management.test_fuzz import JSON, QUICK, TEXT

POSTS = [
    "/endpoints/create",
    "/endpoints/update",
    "/endpoints/delete",
    "/endpoints/x/models/attach",
    "/endpoints/x/models/detach",
    "/keys/create",
    "/keys/update",
    "/keys/rotate",
    "/keys/delete",
]


def assert_documented(status: int, answer: Any) -> None:
    assert status in (400, 404)
    assert list(answer) == ["error_code", "message"] and answer["message"]


@QUICK
@given(body=st.binary(max_size=200) | JSON.map(lambda each: json.dumps(each).encode()))
async def test_no_body_is_a_defect(plane: Plane, body: bytes) -> None:
    for path in POSTS:
        reply = await plane.ask("POST", path, body=body)
        assert_documented(reply.status, reply.json)


@QUICK
@given(query=st.dictionaries(st.sampled_from(["name", "key_id", "endpoint_id", "status", "provider"]) | TEXT, TEXT))
async def test_no_query_is_a_defect(plane: Plane, query: dict[str, str]) -> None:
    text = "&".join(f"{name}={value}" for name, value in query.items()).encode("utf-8", "replace").decode("latin-1")
    for path in ("/endpoints/list", "/endpoints/get", "/keys/list", "/keys/get"):
        reply = await plane.ask("GET", path)
        assert reply.status in (200, 400)
        reply = await plane.ask("GET", f"{path}?{text.replace('?', '')}")
        if reply.status != 200:
            assert_documented(reply.status, reply.json)


@settings(QUICK, max_examples=60)
@given(field=st.sampled_from(list(ModelSpec.model_fields)), value=JSON)
async def test_a_field_of_a_model_is_stored_as_it_was_sent_or_refused(pair: Plane, field: str, value: Any) -> None:
    before = await pair.tables.list("endpoints"), await pair.stored()
    reply = await create(pair, models=[{"deployment": "east", field: value}])
    if reply.status == 200:
        (model,) = reply.json["endpoint"]["models"]
        if value is not None and field in model:
            assert model[field] == value
        assert (await listed(pair)) == reply.json["endpoint"]
        await pair.ask("POST", "/endpoints/delete", {"endpoint_id": reply.json["endpoint"]["endpoint_id"]})
    else:
        assert_documented(reply.status, reply.json)
    assert (await pair.tables.list("endpoints"), await pair.stored()) == before


@QUICK
@given(field=st.sampled_from(list(EndpointCreation.model_fields)), value=JSON)
async def test_a_field_of_an_endpoint_is_stored_or_refused(pair: Plane, field: str, value: Any) -> None:
    reply = await create(pair, **{field: value})
    if reply.status == 200:
        await pair.ask("POST", "/endpoints/delete", {"endpoint_id": reply.json["endpoint"]["endpoint_id"]})
    else:
        assert_documented(reply.status, reply.json)
    assert await pair.tables.list("endpoints") == []
