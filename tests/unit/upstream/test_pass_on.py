"""A body that is passed on as it comes, by whoever takes it and for as long as it does."""

from __future__ import annotations

import asyncio

import pytest

from gateway.upstream.answer import ConnectionFailed
from gateway.upstream.connection import UNREAD_BYTES
from tests.unit.upstream.test_connection import HEAD, ask, connection

__all__ = ["connection"]

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def piece(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


class Taker:
    """Takes pieces; the last of `most` is the one after which it takes no more."""

    def __init__(self, most=100):
        self.taken, self.most = [], most

    def __call__(self, data):
        self.taken.append(data)
        return len(self.taken) < self.most


@pytest.fixture
async def answer(connection):
    call = ask(connection)
    await asyncio.sleep(0)
    connection.data_received(CHUNKED + piece(b"a"))
    return await call


async def begun(answer, take):
    task = asyncio.create_task(answer.pass_on(take))
    await asyncio.sleep(0)
    return task


async def test_pieces_are_taken_as_they_come_and_wake_no_task(connection, answer):
    take = Taker()
    task = await begun(answer, take)
    assert take.taken == [b"a"]
    waiter = answer._waiter
    for number in range(3):
        connection.data_received(piece(b"%d" % number))
        assert take.taken[-1] == b"%d" % number and answer._waiter is waiter and not waiter.done()
    connection.data_received(piece(b"z") + b"0\r\n\r\n")
    assert await task is True and take.taken[-1] == b"z"
    assert connection._pool.kept == [connection]


async def test_who_takes_no_more_gets_no_more_until_it_asks_again(connection, answer):
    take = Taker(most=2)
    task = await begun(answer, take)
    for data in (b"b", b"c", b"d"):
        connection.data_received(piece(data))
    assert await task is False and take.taken == [b"a", b"b"]
    assert await answer.chunk() == b"cd"
    connection.data_received(piece(b"e"))
    again = Taker(most=1)
    assert await answer.pass_on(again) is False and again.taken == [b"e"]


async def test_a_cut_is_told_when_all_that_came_was_taken(connection, answer):
    take = Taker()
    task = await begun(answer, take)
    connection.data_received(piece(b"b"))
    connection.eof_received()
    with pytest.raises(ConnectionFailed):
        await task
    assert take.taken == [b"a", b"b"]


async def test_what_the_taker_raises_is_the_tasks_and_harms_no_loop(connection, answer):
    def take(data):
        if data == b"b":
            raise ZeroDivisionError
        return True

    task = await begun(answer, take)
    for data in (b"b", b"c"):
        connection.data_received(piece(data))
    with pytest.raises(ZeroDivisionError):
        await task
    assert await answer.chunk() == b"c"


async def test_cancelled_it_takes_nothing_and_loses_nothing(connection, answer):
    take = Taker()
    task = await begun(answer, take)
    task.cancel()
    connection.data_received(piece(b"b"))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert take.taken == [b"a"]
    assert await answer.chunk() == b"b"


async def test_what_is_taken_at_once_never_makes_the_upstream_wait(connection):
    call = ask(connection)
    await asyncio.sleep(0)
    connection.data_received(HEAD)
    task = await begun(await call, Taker())
    for _ in range(3):
        connection.data_received(bytes(UNREAD_BYTES))
        assert connection._transport.reading
    connection.abort()
    with pytest.raises(ConnectionFailed):
        await task
