"""The one way a row is changed: read it, change it, write it if nobody was first, else start over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.errors import Conflict
from gateway.storage.rows import Row, RowChanged, RowExists, Tables

TRIES = 10
PAUSE_SECONDS = 0.01


async def update(
    tables: Tables,
    table: str,
    partition: str,
    key: str,
    change: Callable[[Row | None], Row],
    beside: Callable[[], Sequence[Row]] = tuple,
) -> Row:
    """Store what `change` makes of the row (None: there is none yet), and answer it as stored.

    `change` may run several times, each time on what is stored by then. When it answers the very row it was given,
    nothing is written. `beside`: the rows to create in the same transaction, asked for after each run of `change` that
    changed something; their keys must be new. The row that was written with others is answered without its etag.
    Raises Conflict when other writers were first `TRIES` times over.
    """
    for attempt in range(TRIES):
        before = await tables.get(table, partition, key)
        after = change(before)
        if after is before:
            return after
        others = beside()
        try:
            if others and before is None:
                await tables.transact(table, create=[after, *others])
            elif others:
                await tables.transact(table, create=others, replace=[after])
            else:
                return await (tables.create(table, after) if before is None else tables.replace(table, after))
            return replace(after, etag=None)
        except (RowExists, RowChanged):
            await pause(attempt)
    raise too_many_writers(partition, key)


async def pause(attempt: int) -> None:
    """Step aside for a random moment, longer with every lost attempt, so that two writers don't stay in step."""
    await asyncio.sleep(random.uniform(0, PAUSE_SECONDS * (attempt + 1)))  # noqa: S311


def too_many_writers(partition: str, key: str) -> Conflict:
    """The error of a writer that lost every time."""
    return Conflict(f"{partition}/{key} is being changed by other writers; nothing was written. Try again.")
