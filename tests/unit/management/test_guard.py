"""Who passes the door of the control plane, and what those hear who do not."""

from __future__ import annotations

import logging

import pytest

from gateway.management.guard import MAX_BODY_BYTES, OPEN_PATHS
from gateway.registry.tenants import compose
from gateway.storage.rows import Row
from tests.asgi import Reply, call
from tests.builders import api_key, tenant
from tests.unit.management.plane import EAST, PREFIX, TOKEN, UPSERT, Plane, refusal

METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")


async def as_(plane: Plane, authorization: str | None, path: str = "/tenants", method: str = "GET") -> Reply:
    headers = {} if authorization is None else {"authorization": authorization}
    return await plane.call(method, path, headers=headers)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong-token-of-the-tests",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer ' or PartitionKey eq 'management",
        "Bearer management' or RowKey ne '",
        "Bearer ../../management/x",
        "Bearer \xfc\xdf\x00",
        "Bearer " + "a" * 10_000,
    ],
)
async def test_what_is_no_known_token_is_refused(plane: Plane, authorization: str | None) -> None:
    reply = await as_(plane, authorization)
    assert refusal(reply, 401)["code"] == "invalid_management_token"
    assert reply.headers["www-authenticate"] == "Bearer"
    assert "x-request-id" not in reply.headers


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN} "])
async def test_a_known_token_passes(plane: Plane, authorization: str) -> None:
    assert (await as_(plane, authorization)).status == 200


async def test_a_token_that_was_switched_off_is_refused(plane: Plane) -> None:
    await plane.tables.put("management", Row("management", TOKEN, {"Active": False}))
    refusal(await as_(plane, f"Bearer {TOKEN}"), 401)


async def test_an_api_key_is_no_management_token(plane: Plane) -> None:
    presented = compose("abcdef012345", "s" * 43)
    await plane.tenants.create(tenant())
    await plane.tenants.create_key(api_key(presented))
    refusal(await as_(plane, f"Bearer {presented}"), 401)


async def test_other_headers_carry_no_token(plane: Plane) -> None:
    for name in ("api-key", "x-api-key"):
        refusal(await plane.call("GET", "/tenants", headers={name: TOKEN}), 401)


@pytest.mark.parametrize("path", ["", "/", "/no/such/route", "/tenants", "/docs/", "/openapi.json/x", "/DOCS"])
async def test_unknown_paths_and_wrong_methods_ask_for_the_token_first(plane: Plane, path: str) -> None:
    for method in METHODS:
        refusal(await as_(plane, None, path, method), 401)


async def test_nothing_of_the_body_is_read_before_the_token_is_known(plane: Plane) -> None:
    reply = await plane.call("PATCH", UPSERT, headers={}, body=b"x" * (MAX_BODY_BYTES + 1))
    refusal(reply, 401)


async def test_the_open_paths_are_these_two(plane: Plane) -> None:
    assert set(OPEN_PATHS) == {f"{PREFIX}/docs", f"{PREFIX}/openapi.json"}
    for path in OPEN_PATHS:
        assert (await call(plane.app, "GET", path)).status == 200


async def test_a_root_path_does_not_make_the_router_see_another_path_than_the_guard(plane: Plane) -> None:
    async def behind_a_prefix(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        await plane.app({**scope, "root_path": f"{PREFIX}/docs"}, receive, send)

    assert (await call(behind_a_prefix, "GET", f"{PREFIX}/docs")).headers["content-type"].startswith("text/html")


async def test_storage_that_is_down_is_503_and_never_401(plane: Plane) -> None:
    plane.tables.available = False
    reply = await as_(plane, f"Bearer {TOKEN}")
    assert refusal(reply, 503)["code"] == "storage_unavailable"
    assert int(reply.headers["retry-after"]) > 0


async def test_storage_that_goes_down_behind_the_guard_is_503_too(plane: Plane) -> None:
    async def known_then_down(*_: object) -> bool:
        plane.tables.available = False
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.management.guard.knows_management_token", known_then_down)
        for method, path, body in [
            ("GET", "/modeldeployment/list/all", None),
            ("PATCH", UPSERT, EAST),
            ("POST", "/tenants", {"name": "Contoso"}),
        ]:
            plane.tables.available = True
            reply = await plane.call(method, path, body)
            assert refusal(reply, 503)["code"] == "storage_unavailable"
            assert reply.headers["retry-after"] and reply.headers["retry-after-ms"]


@pytest.mark.parametrize("parts", [1, 3])
async def test_a_body_over_the_limit_is_413(plane: Plane, parts: int) -> None:
    piece = b" " * (MAX_BODY_BYTES // parts + 1)
    reply = await plane.call("PATCH", UPSERT, body=[piece] * parts)
    assert refusal(reply, 413)["code"] == "request_too_large"


async def test_a_body_in_pieces_is_read_whole(plane: Plane) -> None:
    reply = await plane.call("POST", "/tenants", body=[b'{"na', b'me": "Con', b'toso"}'])
    assert reply.status == 201


async def test_a_defect_is_left_to_the_gateway_unanswered(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    await plane.upsert()
    plane.probe_result = ZeroDivisionError("a defect")
    with caplog.at_level(logging.DEBUG), pytest.raises(ZeroDivisionError):
        await plane.call("POST", "/modeldeployment/openai-chat/east/test")
