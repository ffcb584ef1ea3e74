"""An upstream's answer, as those see it who asked."""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.upstream.connection import Connection
    from gateway.upstream.framing import AnswerParser


class ConnectionFailed(Exception):
    """No connection, or one that broke; the text is safe to log."""


class UpstreamAnswer:
    """An upstream's answer whose status and headers are here, and whose body comes as it comes.

    status: HTTP status. headers: raw pairs as received. delimited: whether the end of the body can be told from a cut
    (it has a length or is chunked). taken: how many bytes of the body were fetched by `chunk`.
    """

    __slots__ = (
        *("_connection", "_failure", "_named", "_parts", "_waiter"),
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
        self._waiter: Future[None] | None = None

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
        parts = self._parts
        while not parts:
            if self._connection is None:
                return b""
            if self._failure is not None:
                raise self._failure
            self._waiter = self._connection.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
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
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def finish(self) -> None:
        """The answer is here whole."""
        self._connection = None
        self.arrived()

    def fail(self, error: ConnectionFailed) -> None:
        """No more will come, though more was due."""
        self._failure = error
        self.arrived()
