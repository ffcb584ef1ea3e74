"""The upstream's key: kept sealed, shown never."""

from __future__ import annotations

import json

import pytest

from tests.unit.management.plane import EAST, UPSERT, Plane, refusal


async def test_no_answer_holds_the_key(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    secret = "s3cret-of-east"
    replies = [
        await plane.upsert(),
        await plane.call("GET", "/modeldeployment/list/all"),
        await plane.call("GET", "/listevents/active"),
        await plane.call("GET", "/modeldeployment/openai-chat/east"),
        await plane.call("POST", "/modeldeployment/openai-chat/east/test"),
        await plane.upsert(weight="heavy"),
        await plane.upsert(endpoint_key=[secret]),
        await plane.upsert(endpoint_key=f"{secret}\n"),
        await plane.upsert(endpoint_key={"secret": secret}),
        await plane.upsert(endpoint_keys=secret),
        await plane.upsert(endpoint_url=f"https://user:{secret}@host"),
        await plane.upsert(endpoint_url=f"https://host/?key={secret}"),
        await plane.upsert(resource_name=f"{secret}!"),
        await plane.call("PATCH", UPSERT, body=json.dumps(EAST)[:-1].encode()),
        await plane.call("PATCH", UPSERT, body=json.dumps([secret]).encode()),
        await plane.call("PATCH", UPSERT, body=secret.encode()),
    ]
    assert {reply.status for reply in replies} == {200, 400}
    for reply in replies:
        assert secret.encode() not in reply.body
    assert secret not in caplog.text


async def test_at_rest_the_key_is_sealed(plane: Plane) -> None:
    await plane.upsert()
    row = (await plane.stored())["openai-chat", "east"]
    assert "s3cret-of-east" not in repr(row)


async def test_without_an_encryption_key_no_secret_is_stored_and_the_answer_says_so() -> None:
    plane = await Plane(encryption_key=None).open()
    error = refusal(await plane.upsert(), 503)
    assert error["code"] == "encryption_not_configured" and "GATEWAY_ENCRYPTION_KEY" in error["message"]
    assert await plane.stored() == {}
    assert (await plane.upsert(endpoint_key=None, auth="managed_identity")).status == 200
