"""A tenant's collections of embeddings: kept, searched, counted and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from weakref import WeakValueDictionary

from gateway.errors import InvalidRequest, NotFound, ServiceUnavailable, StorageUnavailable
from gateway.openai.collection import Keeping
from gateway.registry.names import NAME, NAME_RULE
from gateway.storage.rows import Tables
from gateway.storage.vectors import Collection, CollectionStore, Segment, SegmentGone
from gateway.vectors.answer import Embeddings, read_embeddings
from gateway.vectors.cache import Indexes
from gateway.vectors.compaction import MOST_COLLECTION_BYTES, MOST_VECTORS, Compactor
from gateway.vectors.index import ENTRY_BYTES, Match, Question, live_rows, memory_bytes, pack_data, pack_ids, read_ids

# How often a reader starts over because the collection was put in order under its hands.
TRIES = 4
RETRY_SECONDS = 1.0


class Collections:
    """The collections of all tenants. Every method takes the identity of the tenant first, and knows no other's.

    What is kept or deleted here is in the table service when the method returns; another process sees it at its next
    search, which begins with one point read. Every method raises StorageUnavailable.
    """

    def __init__(self, tables: Tables, utc_now: Callable[[], datetime]) -> None:
        self._store = CollectionStore(tables)
        self._utc_now = utc_now
        self._indexes = Indexes(self._store)
        self._compactor = Compactor(self._store)
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def keep(self, tenant: str, keeping: Keeping, model: str | None, answer: bytes) -> None:
        """Keep the vectors of an embeddings call's answer; later ones take the place of earlier ones of the same id.

        model: as the caller named it. Raises InvalidRequest when they don't go with what the collection holds, or it is
        full; UpstreamError when the answer holds no vectors; Conflict.
        """
        made = await asyncio.to_thread(read_embeddings, answer, len(keeping.ids))
        try:
            await self._keep(tenant, keeping, model, made)
        except StorageUnavailable as error:
            # The caller's SDK tries again, and what is kept twice under one id is kept once.
            raise StorageUnavailable(
                f"The embeddings were made but could not be kept; send the call again. {error.message}",
                retry_after=error.retry_after or RETRY_SECONDS,
            ) from error

    async def get(self, tenant: str, name: str) -> Collection:
        """A collection as it is now. Raises NotFound."""
        head = await self._store.read(tenant, name)
        if head is None:
            raise _missing(name)
        return head

    async def count(self, tenant: str, head: Collection) -> int:
        """How many vectors a collection holds, without those that were replaced or deleted."""
        index = self._indexes.held(tenant, head)
        if index is not None:
            return index.count
        try:
            return len(await self._ids(tenant, head))
        except SegmentGone:
            # It changes under our hands; this is as true as any number, in a moment.
            return head.most

    async def search(self, tenant: str, name: str, question: Question) -> list[Match]:
        """The vectors most like the question's, best first.

        Raises NotFound, InvalidRequest when the question's vector can't be compared, BodyTooLarge when the collection
        does not fit in memory.
        """
        if not any(question.vector):
            raise InvalidRequest("A vector of nothing but 0 has no direction to compare.", param="vector")
        for _ in range(TRIES):
            head = await self.get(tenant, name)
            if len(question.vector) != head.dimensions:
                raise InvalidRequest(
                    f"The collection {name!r} holds vectors of {head.dimensions:,} dimensions, and the question's has "
                    f"{len(question.vector):,}.",
                    param="vector",
                )
            try:
                index = await self._indexes.get(tenant, head)
            except SegmentGone:
                continue
            return await asyncio.to_thread(index.search, question)
        raise ServiceUnavailable(
            f"The collection {name!r} is being put in order. Try again.", retry_after=RETRY_SECONDS
        )

    async def remove(self, tenant: str, name: str, ids: Sequence[str]) -> int:
        """Take vectors out of a collection; how many there were. Raises NotFound and Conflict."""
        for _ in range(TRIES):
            head = await self.get(tenant, name)
            try:
                there = sorted(set(ids) & await self._ids(tenant, head))
            except SegmentGone:
                continue
            if there:
                segment = await self._store.write(tenant, name, pack_ids([], there), deleted=len(there))
                await self._add(tenant, head, segment)
            return len(there)
        raise ServiceUnavailable(
            f"The collection {name!r} is being put in order. Try again.", retry_after=RETRY_SECONDS
        )

    async def delete(self, tenant: str, name: str) -> None:
        """Delete a collection and all it holds. Raises NotFound and Conflict."""
        if await self._store.delete(tenant, name) is None:
            raise _missing(name)
        self._indexes.forget(tenant, name)

    async def close(self) -> None:
        """Wait for the work behind the calls."""
        await self._compactor.close()

    async def _keep(self, tenant: str, keeping: Keeping, model: str | None, made: Embeddings) -> None:
        blank = Collection(
            name=keeping.collection,
            model=model,
            dimensions=made.dimensions,
            asked_dimensions=keeping.dimensions,
            created_at=self._utc_now(),
        )
        head = await self._store.read(tenant, keeping.collection) or blank
        _check_fit(head, blank)
        data = await asyncio.to_thread(pack_data, [made.packed], keeping.metadata)
        await self._check_room(tenant, head, keeping.ids, len(data))
        segment = await self._store.write(
            tenant, head.name, pack_ids(keeping.ids), data, count=len(keeping.ids), deleted=0
        )
        await self._add(tenant, blank, segment)

    async def _add(self, tenant: str, blank: Collection, segment: Segment) -> None:
        """List a segment in the head, which is made from `blank` if there is none."""

        def added(before: Collection | None) -> Collection:
            head = before or replace(blank, segments=())
            _check_fit(head, blank)
            # A write whose answer was lost is done again.
            return head if segment in head.segments else replace(head, segments=(*head.segments, segment))

        key = (tenant, blank.name)
        lock = self._locks.setdefault(key, asyncio.Lock())
        # Calls of this process take turns, so that only other processes' can make one start over.
        async with lock:
            try:
                head = await self._store.change(tenant, blank.name, added)
            except InvalidRequest:
                await self._store.discard(tenant, blank.name, [segment])
                raise
        assert head is not None
        self._compactor.consider(tenant, head)

    async def _check_room(self, tenant: str, head: Collection, ids: Sequence[str], size: int) -> None:
        """Raise InvalidRequest for a collection that would hold too much. Only near its limits are its ids read."""
        most = head.most + len(ids)
        memory = sum(map(memory_bytes, head.segments)) + size + ENTRY_BYTES * len(ids)
        if most <= MOST_VECTORS and memory <= MOST_COLLECTION_BYTES:
            return
        try:
            count = len(await self._ids(tenant, head) | set(ids))
        except SegmentGone:
            raise StorageUnavailable("The collection is being put in order.", retry_after=RETRY_SECONDS) from None
        if count > MOST_VECTORS or memory * count / most > MOST_COLLECTION_BYTES:
            raise InvalidRequest(
                f"The collection {head.name!r} is full: it takes {MOST_VECTORS:,} vectors, and with their metadata "
                f"{MOST_COLLECTION_BYTES:,} bytes of them.",
                param="collection",
            )

    async def _ids(self, tenant: str, head: Collection) -> set[str]:
        """The ids of the vectors that a collection holds. Raises SegmentGone."""
        parts = await asyncio.gather(*(self._store.part(tenant, head.name, each, "ids") for each in head.segments))

        def alive() -> set[str]:
            names = [read_ids(each) for each in parts]
            return {each.ids[row] for each, rows in zip(names, live_rows(names), strict=True) for row in rows}

        return await asyncio.to_thread(alive)

    async def list(self, tenant: str) -> list[Collection]:
        """A tenant's collections, by name."""
        return await self._store.list(tenant)


def check_name(name: str) -> None:
    """Raise InvalidRequest for what can't be a collection's name."""
    if not NAME.fullmatch(name):
        raise InvalidRequest(f"'collection' must be {NAME_RULE}.", param="collection")


def _check_fit(head: Collection, new: Collection) -> None:
    """Raise InvalidRequest when vectors can't be compared with those of the collection."""
    if head.model != new.model:
        raise InvalidRequest(
            f"The collection {head.name!r} holds embeddings by {head.model!r}; this call names {new.model!r}.",
            param="model",
        )
    if head.dimensions != new.dimensions:
        raise InvalidRequest(
            f"The collection {head.name!r} holds vectors of {head.dimensions:,} dimensions, and these have "
            f"{new.dimensions:,}.",
            param="dimensions",
        )


def _missing(name: str) -> NotFound:
    return NotFound(f"There is no collection {name!r}.")
