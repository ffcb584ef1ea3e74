"""The delivery store: what is due, whose it is, and what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.errors import Conflict, NotFound
from gateway.storage.deliveries import DELIVERY, PARTITION, TABLE, Delivery, DeliveryStore, by_webhook
from gateway.storage.memory import MemoryTables
from gateway.storage.outbox import Event
from gateway.storage.rows import Row
from tests.fakes.dispatch import COOLING, NOON

EVENT = Event("msg_1", COOLING, NOON, {"deployment": "a"})
SECOND = timedelta(seconds=1)


@pytest.fixture
def store(tables: MemoryTables) -> DeliveryStore:
    return DeliveryStore(tables)


async def claimed(store: DeliveryStore) -> Delivery:
    """The one delivery that is due."""
    [due] = await store.due(NOON)
    delivery = await store.claim(due, NOON)
    assert delivery is not None
    return delivery


async def test_a_delivery_is_made_once_however_often_it_is_asked_for(store: DeliveryStore) -> None:
    await asyncio.gather(*(store.add("ops", EVENT, NOON + SECOND * number) for number in range(3)))
    [only] = await store.of("ops")
    assert (only.id, only.event, only.state, only.attempts) == ("ops.msg_1", EVENT, "pending", 0)


async def test_what_is_due_comes_in_the_order_of_time_and_no_earlier(store: DeliveryStore) -> None:
    for number in (3, 1, 2):
        await store.add("ab"[number % 2], replace(EVENT, id=f"msg_{number}"), NOON + SECOND * number)
    assert await store.due(NOON) == []
    due = await store.due(NOON + SECOND * 3)
    assert [row.key.split(".")[-1] for row in due] == ["msg_1", "msg_2", "msg_3"]
    assert {name: len(rows) for name, rows in by_webhook(due).items()} == {"b": 2, "a": 1}


async def test_of_many_that_claim_a_delivery_one_gets_it_for_a_minute(store: DeliveryStore) -> None:
    await store.add("ops", EVENT, NOON)
    [due] = await store.due(NOON)
    claims = await asyncio.gather(*(store.claim(due, NOON) for _ in range(5)))
    assert sum(each is not None for each in claims) == 1
    assert await store.claim(due, NOON + SECOND * 59) is None
    assert await store.claim(due, NOON + SECOND * 60) is not None


async def test_what_became_of_it_is_stored_and_it_is_due_again_then(store: DeliveryStore, tables: MemoryTables) -> None:
    await store.add("ops", EVENT, NOON)
    before = await claimed(store)
    after = replace(before, attempts=1, leased_until=None, last_status=503, last_error="no", due_at=NOON + SECOND)
    assert await store.settle(before, after)
    assert await store.due(NOON) == []
    assert len(await store.due(NOON + SECOND)) == 1
    [read] = await store.of("ops")
    assert replace(read, etag=None) == replace(after, etag=None)
    assert len(await tables.list(TABLE, PARTITION)) == 2


async def test_one_whose_lease_ran_out_changes_nothing_any_more(store: DeliveryStore) -> None:
    await store.add("ops", EVENT, NOON)
    late = await claimed(store)
    [due] = await store.due(NOON)
    taken = await store.claim(due, NOON + SECOND * 60)
    assert taken is not None
    assert await store.settle(taken, replace(taken, state="delivered", due_at=NOON + SECOND * 99))
    assert not await store.settle(late, replace(late, due_at=NOON + SECOND * 5))
    await store.remove(late)
    [read] = await store.of("ops")
    assert read.state == "delivered"


async def test_what_is_over_and_due_is_removed(store: DeliveryStore, tables: MemoryTables) -> None:
    await store.add("ops", EVENT, NOON)
    before = await claimed(store)
    await store.settle(before, replace(before, state="delivered", due_at=NOON + SECOND))
    [due] = await store.due(NOON + SECOND)
    assert await store.claim(due, NOON + SECOND) is None
    assert await tables.list(TABLE, PARTITION) == []


async def test_a_row_that_says_due_without_a_delivery_is_removed(store: DeliveryStore, tables: MemoryTables) -> None:
    await store.add("ops", EVENT, NOON)
    await tables.delete(TABLE, PARTITION, f"{DELIVERY}ops.msg_1")
    [due] = await store.due(NOON)
    assert await store.claim(due, NOON) is None
    assert await tables.list(TABLE, PARTITION) == []


async def test_a_webhooks_deliveries_are_its_own_and_the_newest_comes_first(store: DeliveryStore) -> None:
    for webhook in ("op", "ops", "opsx"):
        for number in (2, 1, 3):
            event = replace(EVENT, id=f"{webhook}{number}", timestamp=NOON + SECOND * number)
            await store.add(webhook, event, NOON)
    assert [each.event.id for each in await store.of("ops")] == ["ops3", "ops2", "ops1"]


async def dead(store: DeliveryStore) -> Delivery:
    await store.add("ops", EVENT, NOON)
    before = await claimed(store)
    after = replace(before, state="dead", attempts=13, due_at=NOON + SECOND * 9)
    assert await store.settle(before, after)
    return after


async def test_a_dead_letter_is_listed_and_replayed_from_the_start(store: DeliveryStore) -> None:
    letter = await dead(store)
    await store.add("ops", replace(EVENT, id="msg_2"), NOON + SECOND)
    assert [each.id for each in await store.dead()] == [letter.id]
    replayed = await store.replay(letter.id, NOON)
    assert (replayed.state, replayed.attempts, replayed.due_at) == ("pending", 0, NOON)
    assert await store.dead() == []
    assert (await claimed(store)).id == letter.id


async def test_what_is_no_dead_letter_is_not_replayed(store: DeliveryStore) -> None:
    await store.add("ops", EVENT, NOON)
    for each in ("ops.msg_1", "ops.msg_2", "nonsense"):
        with pytest.raises(NotFound, match="no dead letter"):
            await store.replay(each, NOON)


async def test_a_replay_that_always_loses_is_a_conflict(
    store: DeliveryStore, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch, pauses: list[int]
) -> None:
    letter = await dead(store)

    async def lost(*_: object) -> bool:
        return False

    monkeypatch.setattr(store, "settle", lost)
    with pytest.raises(Conflict):
        await store.replay(letter.id, NOON)
    assert pauses


async def test_a_row_that_can_not_be_read_is_left_out_and_named_once(
    store: DeliveryStore, tables: MemoryTables, caplog: pytest.LogCaptureFixture
) -> None:
    await store.add("ops", EVENT, NOON)
    [row] = [each for each in await tables.list(TABLE, PARTITION) if each.key.startswith(DELIVERY)]
    for values in ({**row.values, "State": "odd"}, {"State": "dead"}):
        await tables.put(TABLE, Row(PARTITION, row.key, values))
        for _ in range(2):
            assert await store.of("ops") == []
    assert caplog.text.count("it is left out") == 2
