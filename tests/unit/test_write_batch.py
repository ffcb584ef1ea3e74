"""Writes that leave together."""

from __future__ import annotations

import asyncio

from gateway.write_batch import FEW, WriteBatch


class FakeTransport:
    def __init__(self, log: list[tuple[str, bytes]], name: str) -> None:
        self.log = log
        self.name = name
        self.closing = False

    def write(self, data: bytes) -> None:
        self.log.append((self.name, data))

    def is_closing(self) -> bool:
        return self.closing


async def test_a_call_that_runs_alone_does_not_wait_for_others():
    log: list[tuple[str, bytes]] = []
    WriteBatch().write(FakeTransport(log, "a"), b"1", FEW)
    assert log == [("a", b"1")]


async def test_what_many_write_in_one_turn_leaves_in_the_next_in_the_same_order():
    log: list[tuple[str, bytes]] = []
    batch, transports = WriteBatch(), [FakeTransport(log, name) for name in "abc"]
    for transport in (*transports, transports[0]):
        batch.write(transport, b"x", FEW + 1)
    assert log == []
    await asyncio.sleep(0)
    assert [name for name, _ in log] == ["a", "b", "c", "a"]
    batch.write(transports[1], b"y", FEW + 1)
    await asyncio.sleep(0)
    assert log[4:] == [("b", b"y")]


async def test_what_waits_goes_before_what_does_not():
    log: list[tuple[str, bytes]] = []
    batch, transport = WriteBatch(), FakeTransport(log, "a")
    batch.write(transport, b"1", FEW + 1)
    batch.write(transport, b"2", FEW)
    await asyncio.sleep(0)
    assert [data for _, data in log] == [b"1", b"2"]


async def test_nothing_is_written_to_what_was_closed_meanwhile():
    log: list[tuple[str, bytes]] = []
    batch, gone, there = WriteBatch(), FakeTransport(log, "gone"), FakeTransport(log, "there")
    for transport in (gone, there):
        batch.write(transport, b"x", FEW + 1)
    gone.closing = True
    await asyncio.sleep(0)
    assert log == [("there", b"x")]


async def test_what_waits_can_be_written_at_once():
    log: list[tuple[str, bytes]] = []
    batch = WriteBatch()
    batch.write(FakeTransport(log, "a"), b"x", FEW + 1)
    batch.flush()
    await asyncio.sleep(0)
    assert log == [("a", b"x")]
