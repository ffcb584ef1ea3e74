"""Putting a collection in order, behind the calls: small segments become one, and what was replaced is dropped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from gateway.errors import Conflict, StorageUnavailable
from gateway.storage.vectors import Collection, CollectionStore, Segment, SegmentGone
from gateway.vectors.index import Ids, live_rows, memory_bytes, pack_data, pack_ids, read_block, read_ids

log = logging.getLogger("gateway.vectors")

# What one collection may hold, and what it may take in memory.
MOST_VECTORS = 100_000
MOST_COLLECTION_BYTES = 896 * 1024**2
# How far what was replaced and deleted may take it beyond, so that not every write has it put in order.
SLACK = 1.1
# Segments below this size are small; so many of them are let be.
SMALL_BYTES = 16 * 1024**2
MOST_SMALL = 16
# What one merge holds in memory, about.
MERGE_BYTES = 32 * 1024**2


def full(head: Collection) -> bool:
    """Whether a collection is well over a limit, if what was replaced and deleted is counted."""
    memory = sum(map(memory_bytes, head.segments))
    return head.most > SLACK * MOST_VECTORS or memory > SLACK * MOST_COLLECTION_BYTES


def due(head: Collection) -> bool:
    """Whether a collection should be put in order."""
    return full(head) or sum(each.data_bytes < SMALL_BYTES for each in head.segments) > MOST_SMALL


class Compactor:
    """Puts collections in order in the background, each by one task at a time."""

    def __init__(self, store: CollectionStore) -> None:
        self._store = store
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    def consider(self, tenant: str, head: Collection) -> None:
        """Put the collection in order if that is due and nobody here is at it."""
        key = (tenant, head.name)
        if due(head) and key not in self._running:
            self._running[key] = task = asyncio.create_task(self._run(tenant, head))
            task.add_done_callback(lambda _: self._running.pop(key))

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._running.values())

    async def _run(self, tenant: str, head: Collection) -> None:
        try:
            await compact(self._store, tenant, head)
        except (Conflict, SegmentGone, StorageUnavailable) as error:
            # The next write comes back to it.
            log.info("a collection was not put in order: %s", type(error).__name__)


async def compact(store: CollectionStore, tenant: str, head: Collection) -> None:
    """Merge what is worth it into one segment, which takes the place of the merged ones by one write of the head.

    A process that is killed before that write leaves a segment that nobody lists; one that is killed after it, some
    that nobody lists any more. Raises StorageUnavailable, SegmentGone, Conflict.
    """
    parts = [await store.part(tenant, head.name, each, "ids") for each in head.segments]
    names = await asyncio.to_thread(lambda: [read_ids(each) for each in parts])
    live = await asyncio.to_thread(live_rows, names)
    chosen = _choose(head, live)
    if not chosen:
        return
    ids: list[str] = []
    vectors: list[bytes] = []
    metadata: list[bytes] = []
    for place in chosen:
        if not live[place]:
            continue
        data = await store.part(tenant, head.name, head.segments[place], "data")
        more, packed = await asyncio.to_thread(_live_part, names[place], data, live[place], head.dimensions)
        ids += [names[place].ids[row] for row in live[place]]
        vectors.append(packed)
        metadata += more
    deleted = await asyncio.to_thread(_still_deleted, names, live, chosen)
    merged = None
    if ids or deleted:
        content = await asyncio.to_thread(lambda: pack_data(vectors, metadata))
        counts = {"count": len(ids), "deleted": len(deleted)}
        merged = await store.write(tenant, head.name, pack_ids(ids, deleted), content, **counts)
    old = [head.segments[place] for place in chosen]
    listed = False

    def swap(before: Collection | None) -> Collection | None:
        nonlocal listed
        # A write whose answer was lost may have been done: what is listed must never be discarded.
        listed = before is not None and merged in before.segments
        if before is None or listed or not set(old) <= set(before.segments):
            return before
        listed = True
        return replace(before, segments=_swapped(before.segments, head.segments, old, merged))

    # When storage fails here, nobody knows which of the two are listed: neither is discarded.
    await store.change(tenant, head.name, swap)
    await store.discard(tenant, head.name, old if listed else [each for each in (merged,) if each])


def _swapped(
    now: Sequence[Segment], seen: Sequence[Segment], old: Sequence[Segment], merged: Segment | None
) -> tuple[Segment, ...]:
    """The merged segment goes after all that was looked at, for what is live in it is the latest of all those."""
    kept = [each for each in now if each in seen and each not in old]
    later = [each for each in now if each not in seen]
    return (*kept, *((merged,) if merged else ()), *later)


def _choose(head: Collection, live: Sequence[Sequence[int]]) -> list[int]:
    """The places of the segments to merge: small ones, and those that are mostly waste; when full, all with waste."""
    chosen: list[int] = []
    size = waste = 0
    for place, (segment, rows) in enumerate(zip(head.segments, live, strict=True)):
        dead = segment.count - len(rows)
        wasteful = dead > 0 if full(head) else 2 * dead > segment.count
        if size < MERGE_BYTES and (segment.data_bytes < SMALL_BYTES or wasteful):
            chosen.append(place)
            size += segment.data_bytes if rows else 0
            waste += dead + segment.deleted
    return chosen if len(chosen) > 1 or waste else []


def _live_part(names: Ids, data: Sequence[bytes], rows: Sequence[int], dimensions: int) -> tuple[list[bytes], bytes]:
    """Metadata and packed vectors of the rows that count."""
    block = read_block(names, data, dimensions)
    return [bytes(block.metadata_of(row)) for row in rows], block.vectors[list(rows)].tobytes()


def _still_deleted(names: Sequence[Ids], live: Sequence[Sequence[int]], chosen: Sequence[int]) -> list[str]:
    """The deletions to keep: of ids that are still in a segment which is not merged, and count nowhere."""
    others = {id for place, each in enumerate(names) if place not in chosen for id in each.ids}
    alive = {each.ids[row] for each, rows in zip(names, live, strict=True) for row in rows}
    return sorted({id for place in chosen for id in names[place].deleted if id in others and id not in alive})
