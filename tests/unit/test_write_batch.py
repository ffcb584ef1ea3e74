"""Writes that leave together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.write_batch import FEW, WriteBatch


def named(log: list[tuple[str, bytes]], name: str) -> Callable[[bytes], None]:
    """A way to write that notes what is written."""
    return lambda data: log.append((name, data))


async def test_a_call_that_runs_alone_does_not_wait_for_others():
    log: list[tuple[str, bytes]] = []
    WriteBatch().write(named(log, "a"), b"1", FEW)
    assert log == [("a", b"1")]


async def test_what_many_write_in_one_turn_leaves_in_the_next_in_the_same_order():
    log: list[tuple[str, bytes]] = []
    batch = WriteBatch()
    for name in ("a", "b", "c", "a"):
        batch.write(named(log, name), b"x", FEW + 1)
    assert log == []
    await asyncio.sleep(0)
    assert [name for name, _ in log] == ["a", "b", "c", "a"]
    batch.write(named(log, "b"), b"y", FEW + 1)
    await asyncio.sleep(0)
    assert log[4:] == [("b", b"y")]


async def test_what_waits_goes_before_what_does_not():
    log: list[tuple[str, bytes]] = []
    batch = WriteBatch()
    batch.write(named(log, "a"), b"1", FEW + 1)
    batch.write(named(log, "a"), b"2", FEW)
    await asyncio.sleep(0)
    assert [data for _, data in log] == [b"1", b"2"]


async def test_what_waits_can_be_written_at_once():
    log: list[tuple[str, bytes]] = []
    batch = WriteBatch()
    batch.write(named(log, "a"), b"x", FEW + 1)
    batch.flush()
    await asyncio.sleep(0)
    assert log == [("a", b"x")]
