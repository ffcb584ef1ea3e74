"""The deployments that endpoints register for themselves, when something goes wrong on the way."""

from __future__ import annotations

import pytest

from gateway.errors import StorageUnavailable
from tests.unit.management.endpoints import (
    CHAT,
    INLINE,
    changed,
    create,
    created,
    listed,
    member_names,
    owned,
    store_key,
)
from tests.unit.management.plane import Plane, mlflow_refusal


async def test_what_was_registered_stays_if_the_endpoint_was_stored_although_its_writer_was_told_otherwise(
    pair: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_id = await store_key(pair)

    async def answer_lost(*_: object, **__: object) -> None:
        await stored(*_, **__)  # type: ignore[arg-type]
        raise StorageUnavailable("Storage did not answer in time.")

    stored = pair.endpoints.create
    monkeypatch.setattr(type(pair.endpoints), "create", lambda self, endpoint: answer_lost(endpoint))
    reply = await create(pair, models=[{**INLINE, "key_id": key_id}])
    mlflow_refusal(reply, 503, "TEMPORARILY_UNAVAILABLE")
    assert member_names(await listed(pair)) == await owned(pair)


async def test_what_can_not_be_taken_back_is_named_in_the_log(
    pair: Plane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key_id = await store_key(pair)

    async def outage(*_: object) -> None:
        pair.tables.available = False
        raise StorageUnavailable("Storage did not answer in time.")

    monkeypatch.setattr(type(pair.endpoints), "create", outage)
    mlflow_refusal(await create(pair, models=[{**INLINE, "key_id": key_id}]), 503, "TEMPORARILY_UNAVAILABLE")
    pair.tables.available = True
    (left,) = await owned(pair)
    assert f"openai-chat/{left} may be left over" in caplog.text


async def test_a_dropped_deployment_that_can_not_be_removed_does_not_fail_the_change(
    pair: Plane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def outage(*_: object) -> bool:
        raise StorageUnavailable("Storage did not answer in time.")

    made = await created(pair, models=[{**INLINE, "key_id": await store_key(pair)}])
    monkeypatch.setattr(type(pair.deployments), "delete", outage)
    assert member_names(await changed(pair, made, models=CHAT)) == ["east"]
    (left,) = await owned(pair)
    assert f"openai-chat/{left} could not be removed: no endpoint has it any more; delete it" in caplog.text


async def test_a_friendly_name_that_is_taken_is_not_overwritten(pair: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    key_id = await store_key(pair)
    monkeypatch.setattr("gateway.management.endpoint_members._friendly_name", lambda *_: "east")
    before = await pair.stored()
    reply = await create(pair, models=[{**INLINE, "key_id": key_id}])
    assert "'openai-chat/east' already" in mlflow_refusal(reply, 409, "RESOURCE_CONFLICT")
    assert await pair.stored() == before
