"""Outboxes: events beside the changes that caused them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from gateway.catalog.models import CatalogModel
from gateway.errors import InvalidRequest
from gateway.registry.endpoints import Endpoint
from gateway.storage import outbox
from gateway.storage.catalog import CatalogStore
from gateway.storage.endpoints import EndpointStore
from gateway.storage.memory import MemoryTables
from gateway.storage.outbox import EVENT_TYPES, OWN_PLACE, PLACES, Event, Outbox, new_event, payload, row
from gateway.storage.rows import Row
from tests.builders import EPOCH, endpoint
from tests.unit.storage.test_catalog import BUILT_IN, OURS

NEW = replace(OURS, is_deprecated=None, deprecation_date=None)
LATER = EPOCH + timedelta(hours=1)


def wanting_all() -> frozenset[str]:
    return frozenset(EVENT_TYPES)


async def events(tables: MemoryTables, table: str, partition: str) -> Sequence[Event]:
    return [event for _, event in await Outbox(tables).read(table, partition)]


async def test_an_event_is_read_back_as_it_was_written_oldest_first_and_goes(tables: MemoryTables) -> None:
    made = [
        Event(f"msg_{number}", "model.added", EPOCH - timedelta(microseconds=number), {"n": 1}) for number in range(3)
    ]
    box = Outbox(tables)
    for event in made:
        await box.put(event)
        await box.put(event)
    found = await box.read(*OWN_PLACE)
    assert [event for _, event in found] == made[::-1]
    for each, _ in found:
        await box.remove(OWN_PLACE[0], each)
    assert await box.read(*OWN_PLACE) == []


async def test_only_the_events_of_a_partition_are_read(tables: MemoryTables) -> None:
    for key in ("outbo", "outbox", "outbox;", "outboy", "a", "z"):
        await tables.create("catalog", Row("model", key))
    event = new_event("model.added", EPOCH, {})
    await tables.create("catalog", row("model", event))
    await tables.create("catalog", row("other", event))
    assert await events(tables, "catalog", "model") == [event]


async def test_an_event_that_can_not_be_read_is_named_once_and_left_alone(
    tables: MemoryTables, caplog: pytest.LogCaptureFixture
) -> None:
    await tables.create("catalog", Row("model", "outbox:1", {"EventId": 1}))
    box = Outbox(tables)
    for _ in range(2):
        assert await box.read("catalog", "model") == []
    assert caplog.text.count("the event is not delivered") == 1


def test_every_place_is_there_once() -> None:
    assert len(PLACES) == len(set(PLACES)) == 19
    assert {"catalog", "endpoints", "quotas", "webhooks"} == {table for table, _ in PLACES}


def test_the_payload_is_that_of_the_seed() -> None:
    at = datetime(2024, 1, 15, 12, tzinfo=timezone(timedelta(hours=2)))
    data = {"model_id": "550e8400-e29b-41d4-a716-446655440000", "provider": "bedrock", "model_name": "Titan ü"}
    sent = payload(Event("msg_1", "model.added", at, data))
    assert json.loads(sent) == {"event_type": "model.added", "timestamp": "2024-01-15T10:00:00Z", "data": data}
    assert "ü".encode() in sent


def test_keys_of_events_are_in_the_order_of_time() -> None:
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=step) for step in (0, 1, 10, 10**6, 10**12)]
    keys = [row("p", Event("z" if step == 0 else "a", "e", at, {})).key for step, at in enumerate(moments)]
    assert keys == sorted(keys)


async def test_what_happens_to_a_model_is_an_event_beside_it(tables: MemoryTables) -> None:
    store = CatalogStore(tables, wanting_all)

    async def upsert(model: CatalogModel) -> None:
        await store.upsert(model.id, lambda before: model)

    await upsert(NEW)
    await upsert(replace(NEW, updated_at=LATER))
    await upsert(replace(NEW, dimensions=9, updated_at=LATER))
    await upsert(replace(NEW, dimensions=9, deprecation_date=date(2025, 1, 1), updated_at=LATER))
    await upsert(replace(NEW, dimensions=8, is_deprecated=True, updated_at=LATER))
    await upsert(replace(BUILT_IN, model_name="Ours", is_builtin=False))
    await upsert(replace(BUILT_IN, model_name="Added", is_builtin=False, created_at=LATER, updated_at=LATER))
    await store.delete(NEW.id)
    await upsert(replace(NEW, is_deprecated=True))
    found = sorted(await events(tables, "catalog", "model"), key=lambda each: (each.timestamp, each.event_type))
    said = [(each.event_type, each.data["model_id"]) for each in found]
    assert sorted(said) == sorted(
        [
            ("model.added", NEW.id),
            ("model.updated", NEW.id),
            ("model.deprecated", NEW.id),
            ("model.updated", NEW.id),
            ("model.updated", BUILT_IN.id),
            ("model.added", BUILT_IN.id),
            ("model.deprecated", NEW.id),
        ]
    )
    assert found[0].data == {"model_id": NEW.id, "provider": "contoso", "model_name": "Embed One"}
    assert NEW.id in {each.id for each in await store.list()}


async def test_an_event_and_its_change_are_one_transaction(tables: MemoryTables) -> None:
    store = CatalogStore(tables, wanting_all)
    await store.upsert(NEW.id, lambda before: NEW)
    assert tables.calls == {"get": 1, "transact": 1}
    with pytest.raises(InvalidRequest):
        await store.upsert(NEW.id, lambda before: replace(NEW, model_name="x" * 40_000))
    assert [each.event_type for each in await events(tables, "catalog", "model")] == ["model.added"]


async def test_what_nobody_wants_is_one_write_as_ever(tables: MemoryTables) -> None:
    store = CatalogStore(tables, lambda: frozenset({"model.deprecated"}))
    await store.upsert(NEW.id, lambda before: NEW)
    await store.upsert(NEW.id, lambda before: replace(NEW, dimensions=9))
    assert tables.calls == {"get": 2, "create": 1, "replace": 1}


async def test_a_start_and_a_stop_of_an_endpoint_are_events_beside_it(tables: MemoryTables) -> None:
    store = EndpointStore(tables, wanting_all)
    stopped = endpoint("support", status="stopped")
    await store.create(stopped)

    async def update(**fields: object) -> Endpoint:
        return await store.update(stopped.id, lambda before: replace(before, **fields))  # type: ignore[arg-type]

    assert (await update(status="running", updated_at=LATER)).status == "running"
    await update(prompt_affinity=True)
    await update(status="running")
    await update(status="stopped", name="help", updated_at=LATER + timedelta(hours=1))
    found = await events(tables, "endpoints", "endpoint")
    assert [(each.event_type, each.data["name"], each.timestamp.hour) for each in found] == [
        ("endpoint.started", "support", 1),
        ("endpoint.stopped", "help", 2),
    ]
    assert found[0].data == {"endpoint_id": stopped.id, "name": "support", "endpoint_type": "chat"}
    assert [each.id for each in await store.list()] == [stopped.id]
    assert await store.find("support") is None and (await store.find("help")) is not None


def test_an_event_has_an_id_of_its_own() -> None:
    made = {new_event("model.added", EPOCH, {}).id for _ in range(100)}
    assert len(made) == 100 and all("." not in each for each in made)
    assert outbox.is_event(row("p", new_event("model.added", EPOCH, {})))
