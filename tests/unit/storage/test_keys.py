"""The key store: sealed values, unique names, rotation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.errors import AlreadyExists, EncryptionNotConfigured, NotFound, StorageUnavailable
from gateway.registry.keys import Key
from gateway.storage import revision
from gateway.storage.keys import KeyStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.seal import Seal
from tests.builders import EPOCH
from tests.unit.storage.changes import NEW, OLD

KEY = Key(id="k1", name="production", provider="openai", value="s3cret", created_at=EPOCH, updated_at=EPOCH)


def under(tables: MemoryTables, setting: str | None) -> KeyStore:
    """A gateway started with this encryption key."""
    return KeyStore(tables, Seal.from_setting(setting))


@pytest.fixture
def store(tables: MemoryTables) -> KeyStore:
    return under(tables, NEW)


def with_fields(**fields: object) -> Callable[[Key], Key]:
    return lambda before: replace(before, **fields)  # type: ignore[arg-type]


async def row_of(tables: MemoryTables) -> Row:
    row = await tables.get("keys", "key", "key:k1")
    assert row is not None
    return row


async def test_every_field_comes_back_as_it_was(store: KeyStore) -> None:
    full = replace(KEY, rotated_at=EPOCH)
    await store.create(full)
    assert await store.read("k1") == await store.find("production") == full
    assert await store.list() == [full]


async def test_the_value_is_sealed_to_its_row_and_never_printed(store: KeyStore, tables: MemoryTables) -> None:
    await store.create(KEY)
    row = await row_of(tables)
    sealed = str(row.values["Value"])
    assert set(row.values) == {"Name", "Provider", "Value", "CreatedAt", "UpdatedAt"}
    assert "s3cret" not in repr(row) + repr(KEY)
    assert Seal.from_setting(NEW).open(sealed, "keys/key/key:k1") == "s3cret"


async def test_there_is_none_that_was_never_stored(store: KeyStore) -> None:
    assert await store.read("x") is None and await store.find("x") is None and await store.list() == []
    assert await store.delete("x") is False
    with pytest.raises(NotFound, match="'x'"):
        await store.update("x", lambda before: before)


async def test_a_rotated_value_is_sealed_anew(store: KeyStore, tables: MemoryTables) -> None:
    await store.create(KEY)
    before = (await row_of(tables)).values["Value"]
    assert await store.update("k1", with_fields(value="newer")) == replace(KEY, value="newer")
    assert await store.read("k1") == replace(KEY, value="newer")
    assert (await row_of(tables)).values["Value"] != before


async def test_a_renamed_key_keeps_its_sealed_value_and_frees_its_name(store: KeyStore, tables: MemoryTables) -> None:
    await store.create(KEY)
    before = (await row_of(tables)).values["Value"]
    assert await store.update("k1", with_fields(name="staging")) == replace(KEY, name="staging")
    assert (await row_of(tables)).values["Value"] == before
    await store.create(replace(KEY, id="k2"))
    with pytest.raises(AlreadyExists, match="'production' is taken by another key"):
        await store.update("k1", with_fields(name="production"))


async def test_a_change_of_nothing_leaves_the_row_alone(store: KeyStore, tables: MemoryTables) -> None:
    await store.create(KEY)
    before = await row_of(tables)
    assert await store.update("k1", lambda key: key) == KEY
    assert await row_of(tables) == before


async def test_a_deleted_key_is_gone_and_its_name_is_free(store: KeyStore) -> None:
    await store.create(KEY)
    assert await store.delete("k1") is True
    await store.create(replace(KEY, id="k2"))
    assert [each.id for each in await store.list()] == ["k2"]


async def test_every_write_touches_the_revision_marker(store: KeyStore, tables: MemoryTables) -> None:
    markers = [await revision.current(tables)]
    await store.create(KEY)
    markers.append(await revision.current(tables))
    await store.update("k1", lambda key: key)
    markers.append(await revision.current(tables))
    await store.delete("k1")
    markers.append(await revision.current(tables))
    assert len(set(markers)) == 4


async def test_without_an_encryption_key_nothing_is_stored(tables: MemoryTables) -> None:
    with pytest.raises(EncryptionNotConfigured):
        await under(tables, None).create(KEY)
    assert await tables.list("keys") == []


async def test_any_change_seals_under_the_new_encryption_key(tables: MemoryTables) -> None:
    await under(tables, OLD).create(KEY)
    await under(tables, f"{NEW},{OLD}").update("k1", lambda key: key)
    assert await under(tables, NEW).list() == [KEY]


async def test_a_value_that_can_not_be_opened_is_left_as_it_is_until_it_is_rotated(
    tables: MemoryTables, caplog: pytest.LogCaptureFixture
) -> None:
    await under(tables, OLD).create(KEY)
    store = under(tables, NEW)
    for _ in range(3):
        assert await store.read("k1") == replace(KEY, value=None)
    await store.update("k1", with_fields(name="staging"))
    assert await under(tables, OLD).read("k1") == replace(KEY, name="staging")
    assert await store.update("k1", with_fields(value="newer")) == replace(KEY, name="staging", value="newer")
    record = caplog.records[0]
    assert record.getMessage().startswith("keys row key/key:k1: its Value can't be opened")


async def test_a_row_that_can_not_be_read_is_left_out_and_named_once(
    store: KeyStore, tables: MemoryTables, caplog: pytest.LogCaptureFixture
) -> None:
    await store.create(KEY)
    row = await row_of(tables)
    await tables.put("keys", replace(row, values={**row.values, "Provider": 5}))
    for _ in range(3):
        assert await store.list() == [] and await store.read("k1") is None
        with pytest.raises(NotFound):
            await store.update("k1", lambda key: key)
    assert [record.getMessage() for record in caplog.records] == [
        "keys row key/key:k1: column Provider does not hold what it should; it is left out of the registry"
    ]
    assert await store.delete("k1") is True


async def test_while_storage_is_down_every_call_says_so(store: KeyStore, tables: MemoryTables) -> None:
    tables.available = False
    for call in (
        store.list(),
        store.read("x"),
        store.find("x"),
        store.create(KEY),
        store.update("x", lambda before: before),
        store.delete("x"),
    ):
        with pytest.raises(StorageUnavailable):
            await call
