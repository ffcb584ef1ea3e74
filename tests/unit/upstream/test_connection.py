"""One exchange after another over a transport that is none: the moments that a real wire seldom shows."""

from __future__ import annotations

import asyncio

import pytest

from gateway.upstream.answer import ConnectionFailed
from gateway.upstream.connection import ONE_WRITE, UNREAD_BYTES, ClosedUnanswered, Connection
from gateway.write_batch import WriteBatch

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"


class Transport:
    """Notes what is asked of it; its end is reported a turn later, as a loop's own would do."""

    def __init__(self, connection):
        self.connection, self.written, self.closing, self.reading = connection, [], False, True

    def write(self, data):
        self.written.append(bytes(data))

    def is_closing(self):
        return self.closing

    def abort(self):
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


class Pool:
    """Notes who may be used again."""

    def __init__(self):
        self.kept, self.open = [], set()
        # Where nobody else writes.
        self.batch = WriteBatch()
        self.batch._at_once = 1000

    def keep(self, connection, seconds):
        self.kept.append(connection)

    def forget(self, connection):
        self.kept = [each for each in self.kept if each is not connection]

    def opened(self, connection):
        self.open.add(connection)

    def closed(self, connection):
        self.open.discard(connection)


@pytest.fixture
async def connection():
    made = Connection("o", Pool(), asyncio.get_running_loop())
    made.connection_made(Transport(made))
    return made


def ask(connection, body=b"{}"):
    return asyncio.create_task(connection.exchange("POST", b"HEAD ", body))


async def test_a_small_request_is_one_write(connection):
    for size in (0, ONE_WRITE):
        call = ask(connection, b"x" * size)
        await asyncio.sleep(0)
        assert connection._transport.written.pop() == b"HEAD " + b"x" * size
        connection.data_received(OK)
        assert await (await call).chunk() == b"ok"
    assert not connection._transport.written


async def test_an_answer_in_the_turn_of_its_cancellation_keeps_nothing(connection):
    call = ask(connection)
    await asyncio.sleep(0)
    call.cancel()
    connection.data_received(OK)
    assert connection._transport.closing
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not connection._pool.kept
    await asyncio.sleep(0)
    assert not connection._pool.open


async def test_among_many_a_request_waits_for_the_others_of_its_turn(connection):
    connection._pool.batch._at_once = 0
    call = ask(connection)
    await asyncio.sleep(0)
    assert not connection._transport.written
    await asyncio.sleep(0)
    assert len(connection._transport.written) == 1
    connection.data_received(OK)
    await call


async def test_a_transport_that_takes_no_more_is_a_failure_at_once(connection):
    def closed(data):
        raise RuntimeError("the handler is closed")

    connection._transport.write = closed
    with pytest.raises(ConnectionFailed, match="RuntimeError"):
        await ask(connection)
    assert connection._transport.closing


async def test_a_cancellation_after_the_whole_answer_does_not_harm_who_has_the_connection_now(connection):
    first = ask(connection)
    await asyncio.sleep(0)
    connection.data_received(OK)
    assert connection._pool.kept == [connection]
    first.cancel()
    second = asyncio.create_task(connection.exchange("POST", b"HEAD ", b""))
    # The second's turn comes before the first learns of its end.
    with pytest.raises(asyncio.CancelledError):
        await first
    await asyncio.sleep(0)
    assert not connection._transport.closing
    connection.data_received(OK)
    assert (await second).status == 200


async def test_a_cancellation_after_the_head_closes(connection):
    call = ask(connection)
    await asyncio.sleep(0)
    connection.data_received(HEAD)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert connection._transport.closing


async def test_a_failure_in_the_turn_of_a_cancellation_is_not_complained_of(connection):
    call = ask(connection, b"x" * (ONE_WRITE + 1))
    await asyncio.sleep(0)
    connection.eof_received()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_reading_pauses_at_the_bound_and_goes_on_when_it_was_fetched(connection):
    call = ask(connection)
    await asyncio.sleep(0)
    connection.data_received(HEAD + b"x" * UNREAD_BYTES)
    assert connection._transport.reading
    # A transport may deliver what it had read already.
    for _ in range(2):
        connection.data_received(b"x")
        assert not connection._transport.reading
    answer = await call
    assert len(await answer.chunk()) == UNREAD_BYTES + 2
    assert connection._transport.reading
    connection.data_received(b"x" * (1_000_000 - UNREAD_BYTES - 2))
    assert connection._pool.kept == [connection]


async def test_what_came_before_a_break_is_had_before_it_is_told(connection):
    call = ask(connection)
    await asyncio.sleep(0)
    connection.data_received(HEAD + b"some")
    connection.connection_lost(OSError("secret"))
    answer = await call
    assert await answer.chunk() == b"some"
    for _ in range(2):
        with pytest.raises(ConnectionFailed, match="connection failed: OSError") as caught:
            await answer.chunk()
        assert "secret" not in str(caught.value)
    assert not connection._pool.open


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_a_connection_that_ends_unanswered_says_so(connection, error):
    call = ask(connection)
    await asyncio.sleep(0)
    connection.connection_lost(error)
    with pytest.raises(ClosedUnanswered):
        await call
    assert not connection.usable


async def test_a_connection_that_spoke_or_closed_before_it_was_asked_takes_no_request(connection):
    connection.data_received(OK)
    with pytest.raises(ClosedUnanswered):
        await connection.exchange("POST", b"HEAD ", b"")
    assert not connection._transport.written


async def test_an_answer_that_is_whole_before_the_request_is_ends_both(connection):
    call = ask(connection, b"x" * 3_000_000)
    await asyncio.sleep(0)
    connection.pause_writing()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    connection.data_received(OK)
    answer = await call
    assert await answer.chunk() == b"ok"
    assert connection._transport.closing
    assert sum(map(len, connection._transport.written)) < 3_000_000


async def test_a_pause_in_writing_is_waited_for(connection):
    call = ask(connection, b"x" * 600_000)
    await asyncio.sleep(0)
    connection.pause_writing()
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(connection._transport.written) == 2
    connection.resume_writing()
    for _ in range(10):
        await asyncio.sleep(0)
    assert sum(map(len, connection._transport.written)) == 5 + 600_000
    connection.data_received(OK)
    assert (await call).status == 200
    assert connection._pool.kept == [connection]
