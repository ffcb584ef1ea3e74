"""The endpoint store: what is written, what is read back, what survives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.errors import AlreadyExists, NotFound, StorageUnavailable
from gateway.registry.endpoints import Endpoint
from gateway.storage import revision
from gateway.storage.endpoints import EndpointStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row, Value
from tests.builders import EPOCH, endpoint, member

FULL = endpoint(
    "support",
    member("east", 0.7, litellm_params={"temperature": 0.2, "stop": ["東京", None]}),
    member("west", 0.3, priority=1),
    status="stopped",
    prompt_affinity=True,
    updated_at=EPOCH + timedelta(microseconds=7),
    started_at=EPOCH,
    stopped_at=EPOCH + timedelta(days=1),
)


@pytest.fixture
def store(tables: MemoryTables) -> EndpointStore:
    return EndpointStore(tables)


def with_fields(**fields: object) -> Callable[[Endpoint], Endpoint]:
    return lambda before: replace(before, **fields)  # type: ignore[arg-type]


def fine(_: Endpoint) -> None:
    """A check that lets everything pass."""


async def row_of(tables: MemoryTables, endpoint_id: str = FULL.id) -> Row:
    row = await tables.get("endpoints", "endpoint", f"endpoint:{endpoint_id}")
    assert row is not None
    return row


async def test_every_field_comes_back_as_it_was(store: EndpointStore) -> None:
    await store.create(FULL)
    assert await store.read(FULL.id) == await store.find("support") == FULL
    assert await store.list() == [FULL]


async def test_the_row_has_a_column_for_each_field_and_the_name_a_row_of_its_own(
    store: EndpointStore, tables: MemoryTables
) -> None:
    await store.create(endpoint("support", member("east")))
    assert dict((await row_of(tables)).values) == {
        "Name": "support",
        "EndpointType": "chat",
        "Models": '[{"id":"part-east","deployment_id":"openai-chat/east","weight":1.0,"priority":0,'
        '"litellm_params":{}}]',
        "Status": "running",
        "PromptAffinity": False,
        "CreatedAt": EPOCH,
        "UpdatedAt": EPOCH,
    }
    name = await tables.get("endpoints", "endpoint", "name:support")
    assert name is not None and name.values == {"Id": FULL.id}


async def test_there_is_none_that_was_never_stored(store: EndpointStore) -> None:
    assert await store.read("x") is None and await store.find("x") is None and await store.list() == []
    for attempt in (store.update("x", lambda before: before), store.delete("x", fine)):
        with pytest.raises(NotFound, match="'x'"):
            await attempt


async def test_a_change_is_stored_and_answered(store: EndpointStore) -> None:
    await store.create(FULL)
    changed = await store.update(FULL.id, with_fields(name="help", status="running", models=(), stopped_at=None))
    assert changed == replace(FULL, name="help", status="running", models=(), stopped_at=None)
    assert await store.find("help") == changed and await store.find("support") is None


async def test_a_taken_name_is_refused(store: EndpointStore) -> None:
    await store.create(FULL)
    await store.create(endpoint("other"))
    with pytest.raises(AlreadyExists):
        await store.create(endpoint("support", id="another"))
    with pytest.raises(AlreadyExists):
        await store.update("id-of-other", with_fields(name="support"))
    assert [each.name for each in await store.list()] == ["other", "support"]


async def test_a_change_of_nothing_leaves_the_row_alone(store: EndpointStore, tables: MemoryTables) -> None:
    await store.create(FULL)
    before = await row_of(tables)
    assert await store.update(FULL.id, lambda endpoint: endpoint) == FULL
    assert await row_of(tables) == before


async def test_columns_of_another_version_survive_a_change(store: EndpointStore, tables: MemoryTables) -> None:
    await store.create(FULL)
    row = await row_of(tables)
    await tables.put("endpoints", replace(row, values={**row.values, "Newer": "kept"}))
    await store.update(FULL.id, with_fields(prompt_affinity=False))
    assert (await row_of(tables)).values["Newer"] == "kept"


async def test_changes_of_different_fields_at_once_all_survive(store: EndpointStore) -> None:
    await store.create(FULL)
    changes: list[dict[str, object]] = [
        {"status": "running"},
        {"name": "b"},
        {"prompt_affinity": False},
        {"models": ()},
    ]
    await asyncio.gather(*(store.update(FULL.id, with_fields(**fields)) for fields in changes))
    assert await store.find("b") == replace(FULL, status="running", name="b", prompt_affinity=False, models=())


async def test_a_deleted_endpoint_is_gone_unless_the_check_raises(store: EndpointStore) -> None:
    def refuse(found: Endpoint) -> None:
        raise KeyError(found.name)

    await store.create(FULL)
    with pytest.raises(KeyError, match="support"):
        await store.delete(FULL.id, refuse)
    assert await store.read(FULL.id) == FULL
    await store.delete(FULL.id, fine)
    assert await store.read(FULL.id) is None


async def test_every_write_touches_the_revision_marker(store: EndpointStore, tables: MemoryTables) -> None:
    markers = [await revision.current(tables)]
    await store.create(FULL)
    markers.append(await revision.current(tables))
    for name in ("b", "b"):
        await store.update(FULL.id, with_fields(name=name))
        markers.append(await revision.current(tables))
    await store.delete(FULL.id, fine)
    markers.append(await revision.current(tables))
    assert len(set(markers)) == 5


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Name", None),
        ("Name", 5),
        ("EndpointType", None),
        ("EndpointType", "telepathy"),
        ("Status", "sleeping"),
        ("Models", None),
        ("Models", "no JSON"),
        ("Models", "{}"),
        ("Models", "[1]"),
        ("Models", '[{"id":"a","deployment_id":"b"}]'),
        ("Models", '[{"id":"a","deployment_id":"b","weight":"1"}]'),
        ("Models", '[{"id":"a","deployment_id":"b","weight":-1}]'),
        ("Models", "[" * 32_000),
        ("PromptAffinity", "true"),
        ("CreatedAt", "yesterday"),
    ],
)
async def test_a_row_that_can_not_be_read_is_left_out_named_once_and_can_be_deleted(
    store: EndpointStore, tables: MemoryTables, caplog: pytest.LogCaptureFixture, column: str, value: Value | None
) -> None:
    await store.create(FULL)
    await store.create(endpoint("other"))
    row = await row_of(tables)
    broken = {name: each for name, each in {**row.values, column: value}.items() if each is not None}
    await tables.put("endpoints", replace(row, values=broken))
    for _ in range(3):
        assert [each.name for each in await store.list()] == ["other"]
        assert await store.read(FULL.id) is None
        with pytest.raises(NotFound):
            await store.update(FULL.id, with_fields(name="b"))
    (record,) = caplog.records
    assert record.getMessage().startswith(f"endpoints row endpoint/endpoint:{FULL.id}: column {column} ")
    await store.delete(FULL.id, fine)
    assert await tables.get("endpoints", "endpoint", f"endpoint:{FULL.id}") is None


async def test_what_a_newer_version_says_of_a_model_is_passed_over(store: EndpointStore, tables: MemoryTables) -> None:
    await store.create(FULL)
    row = await row_of(tables)
    models = '[{"id":"part-east","deployment_id":"openai-chat/east","weight":1,"newer":true}]'
    await tables.put("endpoints", replace(row, values={**row.values, "Models": models}))
    assert await store.read(FULL.id) == replace(FULL, models=(member("east"),))


async def test_while_storage_is_down_every_call_says_so(store: EndpointStore, tables: MemoryTables) -> None:
    tables.available = False
    for call in (
        store.list(),
        store.read("x"),
        store.find("x"),
        store.create(FULL),
        store.update("x", lambda before: before),
        store.delete("x", fine),
    ):
        with pytest.raises(StorageUnavailable):
            await call
