"""Whatever is sent to the tenant plane, the answer is one of the documented ones."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.management.test_fuzz import JSON, QUICK
from tests.unit.tenant_plane.plane import MODELS, OPERATOR, SELECT, SMALL, Plane
from tests.unit.tenant_plane.test_tenant_models import CREATION

WRITES = [("POST", MODELS), ("PUT", f"{MODELS}/{SMALL}"), ("POST", SELECT), ("DELETE", f"{MODELS}/{SMALL}")]


@QUICK
@given(body=st.binary(max_size=200) | JSON.map(lambda each: json.dumps(each).encode()))
async def test_no_body_is_a_defect(plane: Plane, body: bytes) -> None:
    for method, path in WRITES:
        reply = await plane.call(method, f"{path}?tenant_id=local", headers=OPERATOR, body=body)
        assert reply.status in (400, 404)
        assert list(reply.json) == ["error", "details"]


@QUICK
@given(field=st.sampled_from(list(CREATION)), value=JSON)
async def test_a_field_is_stored_as_it_was_sent_or_refused_by_name(plane: Plane, field: str, value: Any) -> None:
    path = f"{MODELS}?tenant_id=local"
    reply = await plane.call("POST", path, {**CREATION, field: value}, headers=OPERATOR)
    if reply.status == 201:
        assert value is None or reply.json[field] == value
        await plane.call("DELETE", f"{MODELS}/{reply.json['model_id']}?tenant_id=local", headers=OPERATOR)
    else:
        assert reply.status == 400
        assert reply.json["details"].startswith((field, "the body must hold text"))


@QUICK
@given(name=st.text(st.characters(codec="utf-8", exclude_characters="?"), max_size=80), said=st.text(max_size=40))
async def test_no_path_and_no_query_is_a_defect(plane: Plane, name: str, said: str) -> None:
    said = quote(said, errors="replace")
    for path in (f"{MODELS}/{name}", f"/api/v1/embedding-models/{name}", "/api/v1/me", f"{MODELS}/usage"):
        for query in (said, f"period={said}", f"tenant_id={said}"):
            reply = await plane.call("GET", f"{path}?{query}", headers=OPERATOR)
            assert reply.status in (200, 400, 401, 404, 405)
        assert (await plane.call("DELETE", path, headers=OPERATOR)).status in (400, 404, 405)
