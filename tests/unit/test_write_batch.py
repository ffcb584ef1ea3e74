"""Writes that leave together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gateway.write_batch import ALONE, WriteBatch

Log = list[tuple[str, bytes]]


def named(log: Log, name: str) -> Callable[[bytes], None]:
    """A way to write that notes what is written."""
    return lambda data: log.append((name, data))


async def test_what_many_write_in_one_turn_leaves_in_the_next_in_the_same_order():
    log: Log = []
    batch = WriteBatch()
    for name in ("a", "b", "c", "a"):
        batch.write(named(log, name), b"x")
    assert log == []
    await asyncio.sleep(0)
    assert [name for name, _ in log] == ["a", "b", "c", "a"]
    batch.write(named(log, "b"), b"y")
    assert len(log) == 4
    await asyncio.sleep(0)
    assert log[4:] == [("b", b"y")]


async def test_where_no_two_writes_meet_they_do_not_wait_for_each_other_for_a_while():
    log: Log = []
    batch = WriteBatch()
    batch.write(named(log, "first"), b"")
    await asyncio.sleep(0)
    for number in range(ALONE):
        batch.write(named(log, "a"), b"x")
        assert len(log) == number + 2
    batch.write(named(log, "a"), b"x")
    assert len(log) == ALONE + 1
    await asyncio.sleep(0)
    assert len(log) == ALONE + 2


async def test_a_write_that_fails_does_not_take_along_those_behind_it(caplog):
    log: Log = []
    batch = WriteBatch()

    def fails(data: bytes) -> None:
        raise RuntimeError("closed")

    for write in (named(log, "a"), fails, named(log, "b")):
        batch.write(write, b"x")
    await asyncio.sleep(0)
    assert [name for name, _ in log] == ["a", "b"]
    assert "a write failed" in caplog.text


async def test_what_waits_can_be_written_at_once():
    log: Log = []
    batch = WriteBatch()
    batch.write(named(log, "a"), b"x")
    batch.flush()
    await asyncio.sleep(0)
    assert log == [("a", b"x")]


@given(st.lists(st.sampled_from(["write", "turn", "flush"]), max_size=150))
def test_nothing_is_lost_nor_overtaken(steps):
    async def run() -> None:
        log: Log = []
        batch, written = WriteBatch(), 0
        for step in steps:
            if step == "write":
                batch.write(named(log, "a"), b"%d" % written)
                written += 1
            elif step == "flush":
                batch.flush()
            else:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [int(data) for _, data in log] == list(range(written))

    asyncio.run(run())
