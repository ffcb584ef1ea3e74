"""The catalog store: operators' rows over the built-in models."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gateway.catalog.builtin import builtin
from gateway.catalog.models import CatalogModel
from gateway.storage.catalog import PARTITION, TABLE, CatalogStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from tests.builders import EPOCH

OURS = CatalogModel(
    provider="contoso",
    model_id="embed-1",
    model_name="Embed One",
    model_version="1.0",
    model_type="embedding",
    dimensions=8,
    max_tokens=512,
    max_output_tokens=1,
    cost_per_million_tokens=0.5,
    prices={"input_cost_per_token": 5e-07},
    capabilities={"languages": ["de", "en"]},
    requires_api_key=False,
    deprecation_date=date(2027, 1, 1),
    is_available=False,
    is_deprecated=True,
    created_at=EPOCH,
    updated_at=EPOCH,
)
BUILT_IN = next(each for each in builtin().by_id.values() if len(each.prices) > 2 and each.cost_per_million_tokens)


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def store(tables: MemoryTables) -> CatalogStore:
    return CatalogStore(tables)


async def test_without_rows_it_is_the_built_in_catalog(store: CatalogStore) -> None:
    assert await store.list() == list(builtin().by_id.values())
    assert await store.read(BUILT_IN.id) == BUILT_IN
    assert await store.read(OURS.id) is None


async def test_a_model_is_read_back_as_it_was_stored_and_listed_in_its_place(store: CatalogStore) -> None:
    assert await store.upsert(OURS.id, lambda before: OURS) == OURS
    assert await store.read(OURS.id) == OURS
    listed = await store.list()
    assert len(listed) == len(builtin().by_id) + 1
    names = [(each.provider, each.model_id) for each in listed]
    assert names == sorted(names) and OURS in listed


async def test_a_changed_built_in_model_keeps_the_prices_by_other_units(store: CatalogStore) -> None:
    changed = replace(BUILT_IN, model_name="Ours", is_builtin=False)
    await store.upsert(BUILT_IN.id, lambda before: changed)
    assert await store.read(BUILT_IN.id) == changed


async def test_where_an_operator_gave_another_price_no_other_of_the_sources_holds(store: CatalogStore) -> None:
    dear = replace(BUILT_IN, cost_per_million_tokens=7.0, output_cost_per_million_tokens=None, is_builtin=False)
    await store.upsert(BUILT_IN.id, lambda before: dear)
    read = await store.read(BUILT_IN.id)
    assert read == replace(dear, prices={"input_cost_per_token": 7e-06})


async def test_a_null_price_over_a_built_in_one_stays_null(store: CatalogStore) -> None:
    await store.upsert(BUILT_IN.id, lambda before: replace(BUILT_IN, cost_per_million_tokens=None))
    read = await store.read(BUILT_IN.id)
    assert read is not None and read.cost_per_million_tokens is None
    assert "input_cost_per_token" not in read.prices


async def test_a_deleted_model_is_gone_and_a_built_in_one_stays_gone(store: CatalogStore) -> None:
    await store.upsert(OURS.id, lambda before: OURS)
    for model in (OURS, BUILT_IN):
        assert await store.delete(model.id)
        assert await store.read(model.id) is None
        assert model.id not in {each.id for each in await store.list()}
        assert not await store.delete(model.id)


async def test_a_deleted_built_in_model_can_be_made_again(store: CatalogStore) -> None:
    await store.delete(BUILT_IN.id)
    seen: list[CatalogModel | None] = []
    again = replace(BUILT_IN, is_builtin=False)
    await store.upsert(BUILT_IN.id, lambda before: seen.append(before) or again)
    assert seen == [None]
    assert await store.read(BUILT_IN.id) == again


async def test_an_update_keeps_the_columns_of_a_newer_version(store: CatalogStore, tables: MemoryTables) -> None:
    await store.upsert(OURS.id, lambda before: OURS)
    [row] = await tables.list(TABLE)
    await tables.put(TABLE, replace(row, values={**row.values, "Newer": 1}))
    await store.upsert(OURS.id, lambda before: replace(OURS, dimensions=None))
    [row] = await tables.list(TABLE)
    assert row.values["Newer"] == 1 and "Dimensions" not in row.values


async def test_a_row_that_can_not_be_read_leaves_what_is_built_in(
    store: CatalogStore, tables: MemoryTables, caplog: pytest.LogCaptureFixture
) -> None:
    for model_id in (BUILT_IN.id, OURS.id):
        await tables.put(TABLE, Row(PARTITION, model_id, {"Provider": 1}))
    assert await store.read(BUILT_IN.id) == BUILT_IN
    assert await store.read(OURS.id) is None
    assert await store.list() == list(builtin().by_id.values())
    assert "what is built in counts in its place" in caplog.text
