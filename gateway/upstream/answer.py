"""An upstream's answer, as those see it who asked."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.upstream.connection import Connection
    from gateway.upstream.framing import AnswerParser


class ConnectionFailed(Exception):
    """No connection, or one that broke; the text is safe to log."""


class UpstreamAnswer:
    """An upstream's answer whose status and headers are here, and whose body comes as it comes.

    status: HTTP status. headers: raw pairs as received. delimited: whether the end of the body can be told from a cut
    (it has a length or is chunked). taken: how many bytes of the body were fetched.
    """

    __slots__ = (
        *("_connection", "_failure", "_named", "_parts", "_take", "_waiter"),
        *("delimited", "headers", "status", "taken"),
    )

    def __init__(self, parser: AnswerParser, connection: Connection) -> None:
        self.status = parser.status
        self.headers = parser.headers
        self.delimited = parser.delimited
        self.taken = 0
        self._named = parser.named
        self._parts = parser.parts
        # None as soon as the answer is here whole: from then on the connection is somebody else's.
        self._connection: Connection | None = connection
        self._failure: ConnectionFailed | None = None
        self._waiter: Future[bool] | None = None
        # Who is given what comes while `_waiter` waits for the end.
        self._take: Callable[[bytes], bool] | None = None

    def header(self, name: bytes) -> bytes:
        """The value of a header, named in lower case; b"" when it is missing."""
        return self._named.get(name, b"")

    def whole(self) -> bytes | None:
        """The body, if it is here to its end and nobody fetched any of it; else None, and `chunk` has it."""
        if self._connection is not None or self._failure is not None or self.taken:
            return None
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self.taken = len(data)
        return data

    async def chunk(self) -> bytes:
        """The next bytes as they came; b"" at the end. Raises ConnectionFailed when the connection breaks.

        May be cancelled and called again: no byte is lost.
        """
        while not self._parts:
            if self._is_over():
                return b""
            await self._news(None)
        return self._fetched()

    async def pass_on(self, take: Callable[[bytes], bool]) -> bool:
        """Give `take` what comes as soon as it does, to the end (True) or until it takes no more (False).

        Raises ConnectionFailed when the connection breaks, and whatever `take` raises. May be cancelled and called
        again, and `chunk` in between: no byte is lost.
        """
        while True:
            if self._parts:
                if not take(self._fetched()):
                    return False
            elif self._is_over():
                return True
            elif not await self._news(take):
                return False

    def _is_over(self) -> bool:
        """Whether no more will come; raises ConnectionFailed if more was due."""
        if self._connection is None:
            return True
        if self._failure is not None:
            raise self._failure
        return False

    async def _news(self, take: Callable[[bytes], bool] | None) -> bool:
        """Wait for more of the body, or its end; with `take` for the end alone, or for that to take no more (False)."""
        assert self._connection is not None
        self._waiter = self._connection.loop.create_future()
        self._take = take
        try:
            return await self._waiter
        finally:
            self._waiter = self._take = None

    def _fetched(self) -> bytes:
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self.taken += len(data)
        if self._connection is not None:
            self._connection.read_on()
        return data

    def close(self) -> None:
        """Done with the answer: unless it came whole, its connection is closed at once."""
        if self._connection is not None:
            self._connection.abort()

    # What follows is for the connection.

    def arrived(self) -> None:
        """More of the body is here."""
        waiter, take = self._waiter, self._take
        if waiter is None or waiter.done():
            return
        if take is None:
            waiter.set_result(True)
            return
        try:
            if self._parts and not take(self._fetched()):
                waiter.set_result(False)
        except Exception as error:
            # It is the task's, and not the event loop's.
            waiter.set_exception(error)

    def finish(self) -> None:
        """The answer is here whole."""
        self._connection = None
        self._ended()

    def fail(self, error: ConnectionFailed) -> None:
        """No more will come, though more was due."""
        self._failure = error
        self._ended()

    def _ended(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)
