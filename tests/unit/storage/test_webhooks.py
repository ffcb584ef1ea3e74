"""The webhook store: registrations and their sealed secrets."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.errors import EncryptionNotConfigured, NotFound
from gateway.storage import revision
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.seal import Seal
from gateway.storage.webhooks import PARTITION, TABLE, Webhook, WebhookStore
from tests.fakes.dispatch import COOLING, NOON, SECRET, webhook
from tests.unit.storage.changes import NEW, OLD

OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
WHOLE = webhook(
    "w",
    events=(COOLING, "model.added"),
    active=False,
    description="On call",
    previous_secret=OTHER,
    previous_until=NOON,
    gone_at=NOON,
)


@pytest.fixture
def store(tables: MemoryTables) -> WebhookStore:
    return WebhookStore(tables, Seal.from_setting(NEW))


async def stored(tables: MemoryTables) -> Row:
    [row] = await tables.list(TABLE, PARTITION)
    return row


async def test_a_webhook_is_read_back_as_it_was_stored_and_goes(store: WebhookStore) -> None:
    for made in (WHOLE, webhook("ops")):
        await store.create(made)
        assert await store.read(made.id) == made
    assert [each.id for each in await store.list()] == ["ops", "w"]
    assert await store.delete("w") and not await store.delete("w")
    assert await store.read("w") is None


async def test_secrets_are_sealed_at_rest_and_to_their_row(store: WebhookStore, tables: MemoryTables) -> None:
    await store.create(WHOLE)
    row = await stored(tables)
    assert SECRET not in str(row) and OTHER not in str(row)
    assert SECRET not in repr(WHOLE) and OTHER not in repr(WHOLE)
    await tables.put(TABLE, replace(row, key="moved"))
    moved = await store.read("moved")
    assert moved is not None and moved.secret is None and moved.previous_secret is None
    assert moved.secrets(NOON) == []


async def test_without_an_encryption_key_no_secret_is_stored(tables: MemoryTables) -> None:
    store = WebhookStore(tables, Seal.from_setting(None))
    with pytest.raises(EncryptionNotConfigured):
        await store.create(WHOLE)
    assert await store.list() == []


async def test_the_wanted_events_are_those_of_the_active_webhooks(store: WebhookStore, tables: MemoryTables) -> None:
    assert await store.wanted_events() == frozenset()
    await store.create(webhook("a"))
    await store.create(webhook("b", events=("model.added", COOLING)))
    await store.create(webhook("c", events=("model.updated",), active=False))
    await tables.put(TABLE, Row("outbox", "outbox:1"))
    assert await store.wanted_events() == {COOLING, "model.added"}


async def test_every_write_touches_the_marker(store: WebhookStore, tables: MemoryTables) -> None:
    markers = [await revision.current(tables)]
    await store.create(webhook())
    markers.append(await revision.current(tables))
    await store.update("ops", lambda before: replace(before, active=False))
    markers.append(await revision.current(tables))
    await store.delete("ops")
    markers.append(await revision.current(tables))
    assert len(set(markers)) == 4


async def test_a_change_leaves_the_rest_and_the_columns_of_a_newer_version(
    store: WebhookStore, tables: MemoryTables
) -> None:
    await store.create(WHOLE)
    row = await stored(tables)
    await tables.put(TABLE, replace(row, values={**row.values, "Newer": 1}))
    changed = await store.update("w", lambda before: replace(before, description=None, previous_secret=None))
    assert changed == replace(WHOLE, description=None, previous_secret=None) == await store.read("w")
    after = await stored(tables)
    assert after.values["Newer"] == 1 and after.values["Secret"] == row.values["Secret"]
    assert not {"Description", "PreviousSecret"} & set(after.values)


async def test_a_change_of_nothing_writes_no_row(store: WebhookStore, tables: MemoryTables) -> None:
    await store.create(WHOLE)
    before = await stored(tables)
    assert await store.update("w", lambda each: each) == WHOLE
    assert await stored(tables) == before


async def test_a_change_seals_anew_what_an_older_encryption_key_sealed(tables: MemoryTables) -> None:
    await WebhookStore(tables, Seal.from_setting(OLD)).create(WHOLE)
    await WebhookStore(tables, Seal.from_setting(f"{NEW},{OLD}")).update("w", lambda before: before)
    assert await WebhookStore(tables, Seal.from_setting(NEW)).read("w") == WHOLE


async def test_a_webhook_that_is_not_there_can_not_be_changed(store: WebhookStore, tables: MemoryTables) -> None:
    await tables.put(TABLE, Row(PARTITION, "broken", {"Url": 1}))
    for each in ("nobody", "broken"):
        with pytest.raises(NotFound, match=each):
            await store.update(each, lambda before: before)


async def test_a_row_that_can_not_be_read_is_left_out_and_named_once(
    store: WebhookStore, tables: MemoryTables, caplog: pytest.LogCaptureFixture
) -> None:
    await tables.put(TABLE, Row(PARTITION, "broken", {"Url": 1}))
    for _ in range(2):
        assert await store.list() == []
    assert caplog.text.count("it is left out") == 1


def test_the_previous_secret_signs_beside_the_new_one_until_its_time() -> None:
    def signing(made: Webhook, seconds: float) -> list[str]:
        return made.secrets(NOON + timedelta(seconds=seconds))

    assert signing(WHOLE, -1) == [SECRET, OTHER]
    assert signing(WHOLE, 0) == [SECRET]
    assert signing(replace(WHOLE, secret=None), -1) == []
    assert signing(webhook(), 0) == [SECRET]
