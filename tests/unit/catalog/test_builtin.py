"""The built-in catalog: the data file as it is shipped, and its look-ups."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from importlib import resources

import pytest

from gateway.catalog.builtin import FILE, builtin, catalog, unpacked
from gateway.catalog.models import CatalogModel, catalog_id
from tests.builders import EPOCH

TODAY = date(2026, 11, 20)


def model(provider: str = "openai", model_id: str = "m", **fields: object) -> CatalogModel:
    times = {"created_at": EPOCH, "updated_at": EPOCH}
    return CatalogModel(provider=provider, model_id=model_id, model_name=model_id, **{**times, **fields})


def packed(*facts: dict[str, object]) -> bytes:
    return gzip.compress(json.dumps({"header": {"as_of": "2026-11-20"}, "models": facts}).encode())


def test_the_file_names_its_source_version_licence_count_and_hash() -> None:
    content = json.loads(gzip.decompress(resources.files("gateway.catalog").joinpath(FILE).read_bytes()))
    header = content["header"]
    assert list(header) == ["source", "version", "as_of", "licence", "count", "sha256"]
    assert header["licence"].startswith("MIT") and header["version"] in header["source"]
    assert header["count"] == len(content["models"]) == len(builtin().by_id) > 4000
    assert len(header["sha256"]) == 64


def test_the_catalog_is_read_once_and_can_not_be_changed() -> None:
    assert builtin() is builtin()
    with pytest.raises(TypeError):
        builtin().by_id["x"] = model()  # type: ignore[index]
    found = builtin().find("text-embedding-3-small", "openai")
    assert found is not None
    with pytest.raises(TypeError):
        found.prices["input_cost_per_token"] = 0  # type: ignore[index]


def test_known_models_have_their_facts() -> None:
    titan = builtin().find("amazon.titan-embed-text-v2:0")
    assert titan is not None
    assert (titan.provider, titan.model_type, titan.dimensions, titan.max_tokens) == (
        "bedrock",
        "embedding",
        1024,
        8192,
    )
    assert (titan.cost_per_million_tokens, titan.output_cost_per_million_tokens) == (0.02, 0.0)
    assert not titan.requires_api_key and titan.is_builtin


def test_what_is_no_model_is_left_out() -> None:
    assert not {"sample_spec", "fallback_generalizations"} & set(builtin().by_name)


def test_a_name_that_several_providers_use_needs_the_provider() -> None:
    both = catalog([model("azure"), model("openai"), model("openai", "other")])
    assert both.find("m") is None and both.find("unknown") is None
    assert both.find("m", "azure") == model("azure")
    assert both.find("other") == model("openai", "other")


def test_a_missing_price_is_not_a_price_of_zero() -> None:
    free = {"provider": "p", "model_id": "free", "prices": {"input_cost_per_token": 0.0}}
    unknown = {"provider": "p", "model_id": "unknown"}
    read = unpacked(packed(free, unknown, {**unknown, "model_id": "x", "prices": {"input_cost_per_token": 1.3e-07}}))
    costs = {each.model_id: each.cost_per_million_tokens for each in read.by_id.values()}
    assert costs == {"free": 0.0, "unknown": None, "x": 0.13}


def test_a_model_without_an_operators_word_is_available_until_its_date() -> None:
    ends = {"provider": "p", "model_id": "m", "deprecation_date": "2026-11-20", "capabilities": ["vision"]}
    [read] = unpacked(packed(ends)).by_id.values()
    assert read.created_at == read.updated_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert read.capabilities == {"supports_vision": True}
    assert read.available(date(2026, 11, 19)) and not read.deprecated(date(2026, 11, 19))
    assert read.deprecated(TODAY) and not read.available(TODAY)


def test_an_operators_word_counts_over_the_date() -> None:
    kept = model(deprecation_date=TODAY, is_deprecated=False)
    assert kept.available(TODAY) and not kept.deprecated(TODAY)
    sold_out = model(is_available=False)
    assert not sold_out.available(TODAY) and not sold_out.deprecated(TODAY)


def test_ids_are_the_same_everywhere_and_for_ever() -> None:
    assert catalog_id("openai", "text-embedding-3-small") == "4d769bff-0e0a-530d-b058-a78b5df4adc4"
    assert model().id == catalog_id("openai", "m")
