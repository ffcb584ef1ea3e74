"""The built-in catalog: the facts of `models.json.gz`, which `make catalog` makes, read at their first use."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from gateway.catalog.models import TOKENS_A_COST_IS_FOR, CatalogModel

FILE = "models.json.gz"
# These take an account's signature, or run where nobody asks for a key.
_WITHOUT_API_KEY = frozenset({"bedrock", "sagemaker", "vertex_ai", "ollama", "lemonade"})


@dataclass(frozen=True, slots=True)
class Catalog:
    """Models with their look-ups made. by_id: by UUID, sorted by provider and name."""

    by_id: Mapping[str, CatalogModel]
    by_name: Mapping[str, tuple[CatalogModel, ...]]

    def find(self, name: str, provider: str | None = None) -> CatalogModel | None:
        """The model of a name, of that provider if one is given; None when none has it or several providers do."""
        found = [each for each in self.by_name.get(name, ()) if provider in (None, each.provider)]
        return found[0] if len(found) == 1 else None


def catalog(models: Iterable[CatalogModel]) -> Catalog:
    """A catalog of these models; of two with the same id the later one counts."""
    by_id = {each.id: each for each in models}
    by_name: dict[str, tuple[CatalogModel, ...]] = {}
    ordered = sorted(by_id.items(), key=lambda pair: (pair[1].provider, pair[1].model_id))
    for _, model in ordered:
        by_name[model.model_id] = (*by_name.get(model.model_id, ()), model)
    return Catalog(MappingProxyType(dict(ordered)), MappingProxyType(by_name))


@cache
def builtin() -> Catalog:
    """The built-in catalog. The first use reads it (about 100 ms); every later one answers the same object."""
    packed = resources.files("gateway.catalog").joinpath(FILE).read_bytes()
    return unpacked(packed)


def unpacked(packed: bytes) -> Catalog:
    """The catalog in a data file: `{"header": {…}, "models": [fact, …]}`, as gzipped JSON."""
    content = json.loads(gzip.decompress(packed))
    made = datetime.combine(date.fromisoformat(content["header"]["as_of"]), time(), UTC)
    return catalog(_model(fact, made) for fact in content["models"])


def _model(fact: Mapping[str, Any], made: datetime) -> CatalogModel:
    prices = fact.get("prices", {})
    ends = fact.get("deprecation_date")
    return CatalogModel(
        provider=fact["provider"],
        model_id=fact["model_id"],
        model_name=fact["model_id"],
        model_type=fact.get("mode"),
        dimensions=fact.get("dimensions"),
        max_tokens=fact.get("max_input_tokens"),
        max_output_tokens=fact.get("max_output_tokens"),
        cost_per_million_tokens=_per_million(prices.get("input_cost_per_token")),
        output_cost_per_million_tokens=_per_million(prices.get("output_cost_per_token")),
        prices=MappingProxyType(prices),
        capabilities=MappingProxyType({f"supports_{each}": True for each in fact.get("capabilities", ())}),
        requires_api_key=fact["provider"] not in _WITHOUT_API_KEY,
        deprecation_date=None if ends is None else date.fromisoformat(ends),
        is_builtin=True,
        created_at=made,
        updated_at=made,
    )


def _per_million(price: float | None) -> float | None:
    """A price for a million tokens from that of one; by decimals, for 0.00000013 is to be 0.13 and no digit more."""
    return None if price is None else float(Decimal(repr(price)) * TOKENS_A_COST_IS_FOR)
