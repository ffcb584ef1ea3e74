"""The collections that this process holds in memory: as many as fit, the least recently searched one leaves first."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from weakref import WeakValueDictionary

from gateway.errors import BodyTooLarge, ServiceUnavailable
from gateway.storage.vectors import Collection, CollectionStore, Segment
from gateway.vectors.index import Block, Index, memory_bytes, read_block, read_ids

# What all collections in memory may take together.
MOST_MEMORY_BYTES = 1024**3
RETRY_SECONDS = 2.0

Key = tuple[str, str]


class Indexes:
    """Collections in memory, brought up to their heads: only segments that are not there yet are read."""

    def __init__(self, store: CollectionStore, most_bytes: int = MOST_MEMORY_BYTES) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._held: OrderedDict[Key, Index] = OrderedDict()
        self._loading: dict[Key, int] = {}
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    def held(self, tenant: str, head: Collection) -> Index | None:
        """The collection, if it is in memory as its head says."""
        index = self._held.get((tenant, head.name))
        return index if index is not None and index.segments == head.segments else None

    async def get(self, tenant: str, head: Collection) -> Index:
        """The collection as its head says. Raises SegmentGone, BodyTooLarge when it can't fit in memory, and
        ServiceUnavailable while others that are being read take the room."""
        key = (tenant, head.name)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            index = self.held(tenant, head)
            if index is None:
                try:
                    index = await self._load(key, head)
                finally:
                    self._loading.pop(key, None)
            self._held[key] = index
            self._held.move_to_end(key)
        return index

    def forget(self, tenant: str, name: str) -> None:
        """The collection is gone."""
        self._held.pop((tenant, name), None)

    async def _load(self, key: Key, head: Collection) -> Index:
        before = self._held.pop(key, None)
        try:
            self._make_room(head, key)
            blocks = {} if before is None else dict(before.blocks)
            for segment in head.segments:
                if segment.name not in blocks:
                    blocks[segment.name] = await self._block(key[0], head, segment)
            return await asyncio.to_thread(Index, head.segments, blocks)
        except BaseException:
            # What is there already need not be read again.
            if before is not None:
                self._held[key] = before
            raise

    def _make_room(self, head: Collection, key: Key) -> None:
        needed = sum(map(memory_bytes, head.segments))
        if needed > self._most_bytes:
            error = BodyTooLarge(
                f"The collection {head.name!r} takes {needed:,} bytes in memory to be searched, and the limit is "
                f"{self._most_bytes:,}. Keep fewer vectors in it, or shorter ones."
            )
            error.title = "Collection too large"
            raise error
        while (
            needed + sum(self._loading.values()) + sum(each.memory for each in self._held.values()) > self._most_bytes
        ):
            if not self._held:
                raise ServiceUnavailable(
                    "Other collections are being read, and fill the memory for them. Try again.",
                    retry_after=RETRY_SECONDS,
                )
            self._held.popitem(last=False)
        self._loading[key] = needed

    async def _block(self, tenant: str, head: Collection, segment: Segment) -> Block:
        ids, data = await asyncio.gather(
            self._store.part(tenant, head.name, segment, "ids"), self._store.part(tenant, head.name, segment, "data")
        )
        return await asyncio.to_thread(lambda: read_block(read_ids(ids), data, head.dimensions))
