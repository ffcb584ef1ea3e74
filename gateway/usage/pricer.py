"""Prices: which model of the catalog a call counts for, and what that costs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.catalog.builtin import Catalog, builtin, catalog
from gateway.catalog.models import CatalogModel, catalog_id
from gateway.errors import StorageUnavailable
from gateway.storage.catalog import CatalogStore

logger = logging.getLogger("gateway.usage")

STORAGE_SECONDS = 5.0
RENEWED_AFTER = timedelta(minutes=1)
# Upstreams tell names too, so there may be any number of them.
MOST_REMEMBERED = 4096
# Where the catalog knows a provider by other names than the registry does, or sells the same models by another's.
CATALOG_PROVIDERS = {"azure": ("azure", "openai"), "vertex": ("vertex_ai",)}


@dataclass(frozen=True, slots=True)
class Priced:
    """A model's UUID in the catalog, and its prices in dollars by their unit; None: the catalog does not know it."""

    model_id: str
    prices: Mapping[str, float] | None


class Pricer:
    """The catalog in memory, what operators said of models over what is built in; renewed once a minute at most.

    While storage is down the last catalog counts; if there was none yet, what is built in.
    """

    def __init__(self, store: CatalogStore, utc_now: Callable[[], datetime]) -> None:
        self._store = store
        self._utc_now = utc_now
        self._catalog: Catalog | None = None
        self._asked_at: datetime | None = None
        self._found: dict[tuple[str | None, tuple[str, ...]], Priced] = {}
        self._sure: dict[tuple[str, str], bool] = {}
        self._renewing = asyncio.Lock()

    async def priced(self, provider: str | None, names: Sequence[str]) -> Priced:
        """The model of a deployment of this provider, known by these names, the deployment's own first.

        A name counts with the provider before any counts without, and that only where one provider alone has it.
        """
        await self.renew()
        found = self.known(provider, names)
        assert found is not None
        return found

    def known(self, provider: str | None, names: Sequence[str]) -> Priced | None:
        """The same from memory alone; None before the catalog was read for the first time."""
        if self._catalog is None:
            return None
        asked = (provider, tuple(names))
        found = self._found.get(asked)
        if found is None:
            if len(self._found) == MOST_REMEMBERED:
                self._found.clear()
            found = self._found[asked] = _find(self._catalog, provider, names)
        return found

    def is_sure(self, provider: str, name: str) -> bool:
        """Whether a deployment of this provider and name is that model's, whatever its answers say."""
        known = self._sure.get((provider, name))
        if known is None:
            if self._catalog is None:
                return False
            if len(self._sure) == MOST_REMEMBERED:
                self._sure.clear()
            known = self._sure[provider, name] = _of_provider(self._catalog, provider, name) is not None
        return known

    @property
    def is_ready(self) -> bool:
        """Whether the catalog was read."""
        return self._catalog is not None

    async def renew(self) -> None:
        """Read the catalog, if it is older than a minute. Never raises StorageUnavailable."""
        if self._is_fresh():
            return
        async with self._renewing:
            if self._is_fresh():
                return
            try:
                async with asyncio.timeout(STORAGE_SECONDS):
                    models = await self._store.list()
            except (StorageUnavailable, TimeoutError) as failure:
                logger.debug("prices could not be renewed: %s", failure)
                self._catalog = self._catalog or await asyncio.to_thread(builtin)
            else:
                # Thousands of models take too long to index for the loop, which serves calls meanwhile.
                self._catalog = await asyncio.to_thread(catalog, models)
            self._found.clear()
            self._sure.clear()
            self._asked_at = self._utc_now()

    def _is_fresh(self) -> bool:
        return self._asked_at is not None and self._utc_now() - self._asked_at < RENEWED_AFTER


def _find(models: Catalog, provider: str | None, names: Sequence[str]) -> Priced:
    """The first that is known; else an id made from the deployment's own name, for one that has a provider."""
    model = _known(models, provider, names)
    if model is not None:
        return Priced(model.id, model.prices)
    # Without a provider no deployment answered, and the name is whatever a caller typed: not to be counted under.
    return Priced(catalog_id(provider, names[0]) if provider and names else "", None)


def _known(models: Catalog, provider: str | None, names: Sequence[str]) -> CatalogModel | None:
    if provider:
        for name in names:
            if (found := _of_provider(models, provider, name)) is not None:
                return found
    return next((found for name in names if (found := models.find(name)) is not None), None)


def _of_provider(models: Catalog, provider: str, name: str) -> CatalogModel | None:
    sold = (models.find(name, each) for each in CATALOG_PROVIDERS.get(provider, (provider,)))
    return next((found for found in sold if found is not None), None)
