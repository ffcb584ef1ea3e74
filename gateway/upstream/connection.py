"""One connection to an upstream: a request is written, its answer is read, and then the next one's turn has come."""

from __future__ import annotations

import asyncio
import select
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from gateway.upstream.answer import ConnectionFailed, UpstreamAnswer
from gateway.upstream.framing import AnswerParser, Malformed
from gateway.upstream.spool import PIECE, SpooledBody

if TYPE_CHECKING:
    from gateway.upstream.pool import Pool

# A request up to this size is one write; a larger body follows its head in pieces, as fast as the upstream takes them.
ONE_WRITE = 64 * 1024
# The upstream has to wait when more of a body than this is here and nobody fetches it.
UNREAD_BYTES = 256 * 1024

NOT_QUIET = "connection failed: the upstream spoke before it was asked"


class ClosedUnanswered(ConnectionFailed):
    """The connection was closed before any byte of an answer came."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time. It goes back to its pool when an answer is here whole and all is in order.

    origin: whom it leads to. idle_until: the pool's note, in the loop's time.
    """

    __slots__ = (
        *("_answer", "_asked", "_begun", "_drained", "_heard", "_parser", "_paused", "_pool"),
        *("_sending", "_transport", "_unread", "_used", "_writable", "idle_until", "loop", "origin"),
    )

    _transport: asyncio.Transport

    def __init__(self, origin: str, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.loop = loop
        self.idle_until = 0.0
        self._used = False
        self._pool = pool
        self._parser = AnswerParser()
        # Of the exchange that is under way: the promise of its answer, kept with the head, and that answer.
        self._asked: asyncio.Future[UpstreamAnswer] | None = None
        self._answer: UpstreamAnswer | None = None
        self._heard = self._begun = self._sending = self._paused = False
        self._writable = True
        self._drained: asyncio.Future[None] | None = None
        self._unread: Callable[[int], list[tuple[int, int]]] = _nothing

    @property
    def usable(self) -> bool:
        """Whether a request may be sent, as far as is known here."""
        return not self._transport.is_closing()

    def reads_from(self, found: socket.socket) -> None:
        """Which socket it is that the transport reads."""
        if sys.platform == "win32":
            # No poll there: what is unread shows when the loop gets to it.
            return
        unread = select.poll()
        unread.register(found, select.POLLIN)
        self._unread = unread.poll

    async def exchange(self, method: str, head: bytes, body: bytes | SpooledBody) -> UpstreamAnswer:
        """Send a request and wait for the head of its answer. Raises ConnectionFailed; cancelled, it closes."""
        if not self.usable:
            # The upstream may hang up, or speak up, before it was asked anything.
            raise ClosedUnanswered("connection failed: closed by the upstream")
        asked: asyncio.Future[UpstreamAnswer] = self.loop.create_future()
        self._asked = asked
        self._heard = self._begun = False
        self._parser.begin(method)
        try:
            if isinstance(body, bytes) and len(body) <= ONE_WRITE:
                self._pool.batch.write(self._write, head + body if body else head)
            else:
                await self._send(asked, head, body)
            return await asked
        except BaseException:
            # Once the answer is here whole the connection may serve somebody else already.
            if self._asked is asked:
                self.abort()
            if asked.done() and not asked.cancelled():
                asked.exception()
            raise

    def _write(self, data: bytes) -> None:
        """Send a whole request, if all is still quiet and nobody has given it up."""
        if self._asked is None or self._asked.done():
            return
        if self._is_disturbed():
            self._fail(ClosedUnanswered(NOT_QUIET))
            return
        self._begun = True
        try:
            self._transport.write(data)
        except (OSError, RuntimeError) as error:
            self._fail(ConnectionFailed(f"connection failed: {type(error).__name__}"))

    def _is_disturbed(self) -> bool:
        """Whether something has come since the last answer that the loop has not read yet: a byte, which would be
        nobody's, or the end. A connection's first request can follow nobody's, and a session of TLS begins with more
        than a handshake."""
        return self._used and bool(self._unread(0))

    async def _send(self, asked: asyncio.Future[UpstreamAnswer], head: bytes, body: bytes | SpooledBody) -> None:
        """Write a body in pieces, until all of it is written or the upstream has said that it will not do."""
        if self._is_disturbed():
            raise ClosedUnanswered(NOT_QUIET)
        self._begun = self._sending = True
        left = len(body) if isinstance(body, bytes) else body.length
        self._transport.write(head)
        pieces = _slices(body) if isinstance(body, bytes) else body.pieces()
        async with aclosing(pieces):
            async for piece in pieces:
                if self._is_decided(asked):
                    return
                self._transport.write(piece)
                left -= len(piece)
                self._sending = left != 0
                # Even while there is room for more, what the upstream says must be heard.
                await asyncio.sleep(0)
                while not self._writable and not self._is_decided(asked):
                    self._drained = self.loop.create_future()
                    try:
                        await self._drained
                    finally:
                        self._drained = None
        if left:
            raise ConnectionFailed("the request's body is not as long as it was said to be")

    def _is_decided(self, asked: asyncio.Future[UpstreamAnswer]) -> bool:
        """Whether the rest of a request is of no use: it failed, was answered whole, or was refused."""
        if self._asked is not asked or self._answer is None:
            return asked.done()
        return self._answer.status >= 300

    def read_on(self) -> None:
        """What had come of the body was fetched."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._asked is not None:
            self._fail(ConnectionFailed("connection closed"))
            return
        self._pool.forget(self)
        self._transport.abort()

    def never_was(self) -> None:
        """Whoever dialled gave up, and nobody may report the end."""
        self._pool.closed(self)

    def _finish(self, answer: UpstreamAnswer) -> None:
        self._asked = self._answer = None
        self._used = True
        answer.finish()
        if self._parser.reusable and self._writable and not self._sending and self.usable:
            self._pool.keep(self, self._parser.idle_seconds)
        else:
            self._wake_sender()
            self.abort()

    def _fail(self, error: ConnectionFailed) -> None:
        asked, answer = self._asked, self._answer
        self._asked = self._answer = None
        # What has come can still be fetched, but there is nothing left to go on with.
        self._paused = False
        if answer is not None:
            answer.fail(error)
        if asked is not None and not asked.done():
            asked.set_exception(error)
        self._wake_sender()
        self.abort()

    def _ended(self, error: Exception | None) -> None:
        answer = self._answer
        if answer is not None and error is None and self._parser.end():
            self._parser.reusable = False
            self._finish(answer)
        elif self._asked is None:
            self.abort()
        else:
            reason = "closed by the upstream" if error is None else type(error).__name__
            kind = ConnectionFailed if self._heard else ClosedUnanswered
            self._fail(kind(f"connection failed: {reason}"))

    def _wake_sender(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # What follows is called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        """Some of an answer, or something that nobody asked for."""
        asked = self._asked
        if asked is None or asked.cancelled():
            self.abort()
            return
        if not self._begun:
            self._fail(ClosedUnanswered(NOT_QUIET))
            return
        self._heard = True
        parser = self._parser
        try:
            parser.feed(data)
        except Malformed as error:
            self._fail(ConnectionFailed(f"connection failed: {error}"))
            return
        answer = self._answer
        if answer is None:
            if not parser.head:
                return
            answer = self._answer = UpstreamAnswer(parser, self)
            asked.set_result(answer)
            self._wake_sender()
        else:
            answer.arrived()
        if parser.over:
            self._finish(answer)
        elif parser.body_bytes - answer.taken > UNREAD_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """The upstream will send no more."""
        self._ended(None)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._ended(error)
        self._pool.closed(self)

    def pause_writing(self) -> None:
        """The upstream takes no more for now."""
        self._writable = False

    def resume_writing(self) -> None:
        """The upstream takes more."""
        self._writable = True
        self._wake_sender()


def _nothing(_: int) -> list[tuple[int, int]]:
    return []


async def _slices(body: bytes) -> AsyncGenerator[memoryview, None]:
    view = memoryview(body)
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]
