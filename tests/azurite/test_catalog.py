"""The catalog's rows over a real table service."""

from __future__ import annotations

from dataclasses import replace

from gateway.catalog.builtin import builtin
from gateway.storage.catalog import CatalogStore
from gateway.storage.tables import AzureTables
from tests.unit.storage.test_catalog import BUILT_IN, OURS


async def test_a_model_comes_back_as_it_was_stored_and_goes(tables: AzureTables) -> None:
    store = CatalogStore(tables)
    free = replace(OURS, cost_per_million_tokens=0.0, prices={"input_cost_per_token": 0.0})
    for model in (OURS, free):
        await store.upsert(model.id, lambda before, model=model: model)
        assert await store.read(model.id) == model
    assert len(await store.list()) == len(builtin().by_id) + 1
    for model in (OURS, BUILT_IN):
        assert await store.delete(model.id)
        assert await store.read(model.id) is None
    assert len(await store.list()) == len(builtin().by_id) - 1
