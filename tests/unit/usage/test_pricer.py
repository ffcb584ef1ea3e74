"""Which model a call counts for, and at what price."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.catalog.builtin import builtin
from gateway.catalog.models import CatalogModel, catalog_id
from gateway.storage.catalog import CatalogStore
from gateway.usage import pricer
from tests.unit.usage.ledger import NOON, Ledger


def priced_at(dollars: float, provider: str = "azure", name: str = "gpt-4o") -> CatalogModel:
    return CatalogModel(
        provider=provider,
        model_id=name,
        model_name=name,
        cost_per_million_tokens=dollars,
        output_cost_per_million_tokens=dollars,
        created_at=NOON,
        updated_at=NOON,
    )


async def say(ledger: Ledger, model: CatalogModel) -> None:
    await CatalogStore(ledger.tables).upsert(model.id, lambda _: replace(model))


async def test_a_deployments_own_name_counts_before_any_other(ledger: Ledger):
    found = await ledger.pricer.priced("azure", ["gpt-4o", "gpt-4o-mini"])
    assert found.model_id == catalog_id("azure", "gpt-4o")
    assert found.prices == builtin().by_id[found.model_id].prices
    found = await ledger.pricer.priced("azure", ["east-gpt", "gpt-4o-mini"])
    assert found.model_id == catalog_id("azure", "gpt-4o-mini")


async def test_providers_are_known_to_the_catalog_by_its_own_names(ledger: Ledger):
    await say(ledger, priced_at(1, "openai", "only-openai"))
    for provider, name, meant in (
        ("azure", "only-openai", "openai"),
        ("vertex", "gemini-2.0-flash", "vertex_ai"),
        ("cohere", "rerank-v3.5", "cohere"),
        ("voyage", "voyage-3", "voyage"),
    ):
        assert (await ledger.pricer.priced(provider, [name])).model_id == catalog_id(meant, name)


async def test_without_its_provider_a_name_counts_only_where_one_provider_has_it(ledger: Ledger):
    assert (await ledger.pricer.priced("openai_compatible", ["voyage-3"])).model_id == catalog_id("voyage", "voyage-3")
    found = await ledger.pricer.priced("openai_compatible", ["gpt-4o"])
    assert (found.model_id, found.prices) == (catalog_id("openai_compatible", "gpt-4o"), None)


async def test_a_name_that_only_a_caller_typed_makes_no_model(ledger: Ledger):
    assert (await ledger.pricer.priced(None, ["typed by a caller"])).model_id == ""
    assert (await ledger.pricer.priced("azure", [])).model_id == ""
    assert (await ledger.pricer.priced(None, [])).prices is None


async def test_operators_prices_count_over_built_in_ones_within_a_minute(ledger: Ledger):
    built_in = await ledger.pricer.priced("azure", ["gpt-4o"])
    await say(ledger, priced_at(1))
    ledger.now += timedelta(seconds=59)
    assert await ledger.pricer.priced("azure", ["gpt-4o"]) == built_in
    ledger.now += timedelta(seconds=1)
    found = await ledger.pricer.priced("azure", ["gpt-4o"])
    assert found.prices == {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}


async def test_the_catalog_is_read_once_for_all_who_ask_at_once(ledger: Ledger):
    await asyncio.gather(*(ledger.pricer.priced("azure", ["gpt-4o"]) for _ in range(20)))
    assert ledger.tables.calls == {"list": 1}


async def test_memory_alone_answers_once_it_was_read(ledger: Ledger):
    assert ledger.pricer.known("azure", ["gpt-4o"]) is None
    found: Any = await ledger.pricer.priced("azure", ["gpt-4o"])
    ledger.now += timedelta(days=1)
    ledger.tables.available = False
    assert ledger.pricer.known("azure", ["gpt-4o"]) == found


async def test_only_so_many_names_are_remembered(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pricer, "MOST_REMEMBERED", 3)
    for number in range(20):
        assert (await ledger.pricer.priced("azure", ["gpt-4o", f"told-{number}"])).prices
    assert len(ledger.pricer._found) <= 3


async def test_while_storage_is_down_the_last_catalog_counts_and_before_any_what_is_built_in(ledger: Ledger):
    ledger.tables.available = False
    assert (await ledger.pricer.priced("azure", ["gpt-4o"])).model_id == catalog_id("azure", "gpt-4o")
    ledger.tables.available = True
    await say(ledger, priced_at(1))
    ledger.now += timedelta(minutes=1)
    operators = await ledger.pricer.priced("azure", ["gpt-4o"])
    ledger.tables.available = False
    ledger.now += timedelta(minutes=1)
    assert await ledger.pricer.priced("azure", ["gpt-4o"]) == operators
    assert operators.prices is not None and len(operators.prices) == 2
