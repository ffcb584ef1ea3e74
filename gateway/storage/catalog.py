"""The catalog store: table `catalog`, what operators said of models beside or over the built-in facts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gateway.catalog.builtin import Catalog, builtin
from gateway.catalog.models import TOKENS_A_COST_IS_FOR, CatalogModel
from gateway.storage import columns, optimistic, outbox
from gateway.storage.columns import Unreadable
from gateway.storage.rows import Row, Tables

TABLE = "catalog"
PARTITION = "model"
REMOVED = "Removed"

COLUMNS = (
    columns.text("Provider", "provider", required=True),
    columns.text("ModelId", "model_id", required=True),
    columns.text("ModelName", "model_name", required=True),
    columns.text("ModelVersion", "model_version"),
    columns.text("ModelType", "model_type"),
    columns.whole("Dimensions", "dimensions"),
    columns.whole("MaxTokens", "max_tokens"),
    columns.whole("MaxOutputTokens", "max_output_tokens"),
    columns.number("CostPerMillionTokens", "cost_per_million_tokens"),
    columns.number("OutputCostPerMillionTokens", "output_cost_per_million_tokens"),
    columns.json_object("Capabilities", "capabilities"),
    columns.flag("RequiresApiKey", "requires_api_key"),
    columns.day("DeprecationDate", "deprecation_date"),
    columns.flag("IsAvailable", "is_available"),
    columns.flag("IsDeprecated", "is_deprecated"),
    columns.moment("CreatedAt", "created_at", required=True),
    columns.moment("UpdatedAt", "updated_at", required=True),
)
_NAMES = {column.name for column in COLUMNS}


class CatalogStore:
    """The catalog: the built-in models, and over them the rows of table `catalog`.

    RowKey is the model's id. A row says all that is known of its model; a row that says `Removed` takes a built-in
    model away. A row that can't be read leaves the built-in model as it is, and is named once in the log. What happens
    to a model is an event in the outbox of the same partition, if `wanted` has its type.
    """

    def __init__(self, tables: Tables, wanted: Callable[[], frozenset[str]] = frozenset) -> None:
        self._tables = tables
        self._wanted = wanted
        self._builtin: Catalog | None = None
        self._complaints = columns.Complaints(TABLE)

    async def list(self) -> list[CatalogModel]:
        """Every model, by provider and name."""
        facts = await self._facts()
        rows = await self._tables.list(TABLE, PARTITION)
        if not rows:
            return list(facts.by_id.values())
        models = dict(facts.by_id)
        for row in rows:
            if outbox.is_event(row):
                continue
            model = self._model(row.key, row)
            if model is None:
                models.pop(row.key, None)
            else:
                models[row.key] = model
        return sorted(models.values(), key=lambda each: (each.provider, each.model_id))

    async def read(self, catalog_id: str) -> CatalogModel | None:
        """One model; None when there is none."""
        await self._facts()
        return self._model(catalog_id, await self._tables.get(TABLE, PARTITION, catalog_id))

    async def upsert(self, catalog_id: str, change: Callable[[CatalogModel | None], CatalogModel]) -> CatalogModel:
        """Store what `change` makes of the model (None: there is none), and answer it.

        `change` may run several times. Raises Conflict, and whatever `change` raises.
        """
        await self._facts()
        before: CatalogModel | None
        result: CatalogModel

        def apply(row: Row | None) -> Row:
            nonlocal before, result
            before = self._model(catalog_id, row)
            result = change(before)
            # What a newer version of the gateway put beside our columns stays.
            kept = {} if row is None else {name: row.values[name] for name in row.values.keys() - _NAMES - {REMOVED}}
            row = row or Row(PARTITION, catalog_id)
            return replace(row, values=columns.values(COLUMNS, result, None, kept))

        await optimistic.update(self._tables, TABLE, PARTITION, catalog_id, apply, lambda: self._events(before, result))
        return result

    async def delete(self, catalog_id: str) -> bool:
        """Take a model out of the catalog, a built-in one too; whether there was one. Raises Conflict."""
        facts = await self._facts()
        existed = False

        def apply(row: Row | None) -> Row:
            nonlocal existed
            existed = self._model(catalog_id, row) is not None
            removed = row or Row(PARTITION, catalog_id)
            return replace(removed, values={REMOVED: True}) if existed else removed

        if catalog_id in facts.by_id:
            await optimistic.update(self._tables, TABLE, PARTITION, catalog_id, apply)
            return existed
        return await self._tables.delete(TABLE, PARTITION, catalog_id)

    def _events(self, before: CatalogModel | None, after: CatalogModel) -> Sequence[Row]:
        happened = _happened(before, after)
        if happened is None or happened not in self._wanted():
            return ()
        data = {"model_id": after.id, "provider": after.provider, "model_name": after.model_name}
        return [outbox.row(PARTITION, outbox.new_event(happened, after.updated_at, data))]

    async def _facts(self) -> Catalog:
        """The built-in models; their first reading takes too long for the loop, which serves calls meanwhile."""
        if self._builtin is None:
            self._builtin = await asyncio.to_thread(builtin)
        return self._builtin

    def _model(self, catalog_id: str, row: Row | None) -> CatalogModel | None:
        base = builtin().by_id.get(catalog_id)
        if row is None:
            return base
        if row.values.get(REMOVED) is True:
            return None
        try:
            model = CatalogModel(**columns.fields(COLUMNS, row))
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; what is built in counts in its place")
            return base
        return replace(model, prices=_prices(model, base))


def _happened(before: CatalogModel | None, after: CatalogModel) -> str | None:
    """What a change of a model is called; None when it changed nothing that is said of it."""
    today = after.updated_at.date()
    if after.deprecated(today) and not (before is not None and before.deprecated(today)):
        return "model.deprecated"
    # One that is added counts in place of the built-in model of its name, and begins anew.
    if before is None or after.created_at != before.created_at:
        return "model.added"
    same = replace(before, updated_at=after.updated_at, is_builtin=after.is_builtin) == after
    return None if same else "model.updated"


def _prices(model: CatalogModel, base: CatalogModel | None) -> Mapping[str, float]:
    """The prices by unit. Where an operator gave another one for tokens, no other of the source's holds either."""
    given = (model.cost_per_million_tokens, model.output_cost_per_million_tokens)
    if base is not None and given == (base.cost_per_million_tokens, base.output_cost_per_million_tokens):
        return base.prices
    costs = zip(("input_cost_per_token", "output_cost_per_token"), given, strict=True)
    return {unit: cost / TOKENS_A_COST_IS_FOR for unit, cost in costs if cost is not None}
