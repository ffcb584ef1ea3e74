"""Webhooks over a real table service: outboxes beside changes, and instances that do rounds at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.storage.catalog import CatalogStore
from gateway.storage.endpoints import EndpointStore
from gateway.storage.outbox import EVENT_TYPES, Outbox
from gateway.storage.rows import Row, RowExists
from gateway.storage.tables import AzureTables
from gateway.webhooks.sender import Sent
from tests.azurite.conftest import Azurite
from tests.builders import EPOCH, endpoint
from tests.fakes.dispatch import COOLING, Dispatch, webhook
from tests.fakes.target import TAKEN, FakeSender
from tests.unit.storage.test_catalog import OURS


def wanted() -> frozenset[str]:
    return frozenset(EVENT_TYPES)


@pytest.fixture
def tables(own_azurite: Azurite, opened: Callable[[str], AzureTables]) -> AzureTables:
    # Rounds read whole outboxes, so other tests' rows must not be in them.
    return opened(own_azurite.connection)


async def test_changes_of_models_and_endpoints_are_delivered_and_leave_nothing_behind(tables: AzureTables) -> None:
    sender = FakeSender()
    dispatch = Dispatch(tables, sender)
    await dispatch.webhooks.create(webhook(events=EVENT_TYPES, created_at=EPOCH))
    catalog = CatalogStore(tables, wanted)
    model = replace(OURS, is_deprecated=False)
    for each in (model, replace(model, dimensions=9), replace(model, is_deprecated=True)):
        await catalog.upsert(model.id, lambda before, each=each: each)
    endpoints = EndpointStore(tables, wanted)
    stopped = endpoint("support", status="stopped")
    await endpoints.create(stopped)
    for status in ("running", "stopped"):
        await endpoints.update(stopped.id, lambda before, status=status: replace(before, status=status))
    await dispatch.round()
    assert Counter(event.event_type for _, event, _ in sender.sent) == Counter(
        ["model.added", "model.updated", "model.deprecated", "endpoint.started", "endpoint.stopped"]
    )
    box = Outbox(tables)
    assert not await box.read("catalog", "model") and not await box.read("endpoints", "endpoint")
    assert [each.id for each in await endpoints.list()] == [stopped.id]


async def test_an_event_that_can_not_be_written_takes_its_change_with_it(tables: AzureTables) -> None:
    kept = await tables.create("things", Row("p", "k", {"A": 1}))
    await tables.create("things", Row("p", "outbox:1"))
    with pytest.raises(RowExists):
        await tables.transact("things", create=[Row("p", "outbox:1")], replace=[replace(kept, values={"A": 2})])
    stored = await tables.get("things", "p", "k")
    assert stored is not None and stored.values == {"A": 1}


async def test_instances_that_do_rounds_at_once_send_each_event_once(tables: AzureTables) -> None:
    sender = FakeSender()
    dispatch = Dispatch(tables, sender)
    for name in ("a", "b"):
        await dispatch.webhooks.create(webhook(name))
    names = [f"msg_{number:02}" for number in range(15)]
    await dispatch.happen(*names)
    await asyncio.gather(*(dispatch.instance(sender).deliver_due() for _ in range(4)))
    await dispatch.round(60)
    sent = Counter((webhook.id, event.id) for webhook, event, _ in sender.sent)
    assert sent == Counter((name, event) for name in ("a", "b") for event in names)


async def test_a_delivery_goes_from_failure_to_dead_letter_to_replay_to_delivered_and_away(tables: AzureTables) -> None:
    sender = FakeSender(Sent(status=500, error="it answered 500"), Sent(status=410, error="it answered 410"), TAKEN)
    dispatch = Dispatch(tables, sender)
    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1")
    await dispatch.round()
    assert (await dispatch.delivery()).due_at == dispatch.now + timedelta(seconds=5)
    await dispatch.round(4)
    assert len(sender.sent) == 1
    await dispatch.round(1)
    [dead] = await dispatch.deliveries.dead()
    assert dead.event.event_type == COOLING and dead.event.data == {"deployment": "openai-chat/msg_1"}
    await dispatch.webhooks.update("ops", lambda before: replace(before, active=True))
    await dispatch.deliveries.replay(dead.id, dispatch.now)
    await dispatch.round()
    assert (await dispatch.delivery()).state == "delivered"
    await dispatch.round(3 * 86_400)
    assert await tables.list("webhooks", "delivery") == []
