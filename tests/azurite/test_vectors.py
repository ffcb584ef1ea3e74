"""Collections over a real table service: rows of full size, two instances, and an outage."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.errors import NotFound, StorageUnavailable
from gateway.openai.collection import MOST_ID_CHARACTERS, MOST_METADATA_BYTES, Keeping
from gateway.storage.tables import AzureTables
from gateway.storage.vectors import ROW_BYTES, CollectionStore
from gateway.vectors.answer import MOST_DIMENSIONS
from gateway.vectors.collections import Collections
from gateway.vectors.compaction import MOST_SMALL
from gateway.vectors.index import Question
from tests.azurite.conftest import Azurite
from tests.unit.vectors.shelves import answered, collections, find, keep


@pytest.fixture
def tenant() -> str:
    """A tenant of this test alone."""
    return f"{uuid.uuid4().hex}@1"


@pytest.fixture
async def here(tables: AzureTables) -> AsyncIterator[Collections]:
    made = collections(tables)
    yield made
    await made.close()


@pytest.fixture
def there(opened: Callable[[str], AzureTables], shared_azurite: Azurite) -> Collections:
    """Another instance, with connections of its own."""
    return collections(opened(shared_azurite.connection))


async def test_full_rows_are_taken_and_come_back(tables: AzureTables, tenant: str) -> None:
    store = CollectionStore(tables)
    data = random.Random(1).randbytes(2 * ROW_BYTES + 1)
    segment = await store.write(tenant, "docs", b"i" * ROW_BYTES, data)
    assert b"".join(await store.part(tenant, "docs", segment, "data")) == data
    assert b"".join(await store.part(tenant, "docs", segment, "ids")) == b"i" * ROW_BYTES


async def test_the_longest_vectors_ids_and_metadata_come_back(
    here: Collections, there: Collections, tenant: str
) -> None:
    ids = tuple("é" * (MOST_ID_CHARACTERS - 1) + str(number) for number in range(10))
    metadata = (b'{"text":"%s"}' % (b"x" * (MOST_METADATA_BYTES - 11)),) * 10
    vectors = [[0.0] * number + [1.0] * (MOST_DIMENSIONS - number) for number in range(10)]
    await here.keep(tenant, Keeping("docs", ids, metadata), "m", answered(*vectors, as_text=True))
    found = await there.search(tenant, "docs", Question(vectors[0], 10))
    assert [each.id for each in found] == list(ids)
    assert found[-1].vector.tolist() == vectors[-1] and found[0].metadata == metadata[0]


async def test_another_instance_sees_a_write_at_its_next_search(
    here: Collections, there: Collections, tenant: str
) -> None:
    await keep(here, {"x": [1, 0]}, tenant)
    assert await find(there, [1, 0], tenant=tenant) == ["x"]
    await keep(here, {"y": [1, 1]}, tenant)
    assert await find(there, [1, 0], tenant=tenant) == ["x", "y"]
    assert await here.remove(tenant, "docs", ["x"]) == 1
    assert await find(there, [1, 0], tenant=tenant) == ["y"]
    await here.delete(tenant, "docs")
    with pytest.raises(NotFound):
        await find(there, [1, 0], tenant=tenant)


async def test_concurrent_writers_of_two_instances_lose_nothing_while_it_is_put_in_order(
    here: Collections, there: Collections, tenant: str
) -> None:
    async def write(side: Collections, name: str) -> None:
        for number in range(2 * MOST_SMALL):
            await keep(side, {f"{name}{number}": [1, number]}, tenant)

    await asyncio.gather(write(here, "a"), write(there, "b"))
    await asyncio.gather(here.close(), there.close())
    for each in (here, there):
        assert len(set(await find(each, [1, 0], 100, tenant=tenant))) == 4 * MOST_SMALL
        head = await each.get(tenant, "docs")
        assert await each.count(tenant, head) == 4 * MOST_SMALL
        assert len(head.segments) <= 2 * MOST_SMALL


async def test_an_outage_is_told_and_what_was_kept_outlives_it(
    own_azurite: Azurite, opened: Callable[[str], AzureTables], tenant: str
) -> None:
    here = collections(opened(own_azurite.connection))
    await keep(here, {"x": [1, 0]}, tenant)
    own_azurite.stop()
    with pytest.raises(StorageUnavailable, match="were made but could not be kept"):
        await keep(here, {"y": [1, 1]}, tenant)
    with pytest.raises(StorageUnavailable):
        await find(here, [1, 0], tenant=tenant)
    own_azurite.start()
    await keep(here, {"y": [1, 1]}, tenant)
    assert await find(here, [1, 0], tenant=tenant) == ["x", "y"]
