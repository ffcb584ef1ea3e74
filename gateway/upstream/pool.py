"""Connections that wait for their next request, by where they lead."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from gateway.upstream.connection import Connection
from gateway.write_batch import WriteBatch

IDLE_SECONDS = 60.0
# How often connections are looked for whose time is over. One that is, is never handed out in between.
SWEEP_SECONDS = 10.0
# How long `close` waits for the transports to report their end.
FAREWELL_SECONDS = 1.0


class Pool:
    """The connections of one event loop: the idle ones, last used first, and all that are open.

    batch: where requests are written that are one write.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.batch = WriteBatch()
        self._loop = loop
        self._idle: dict[str, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._farewell: asyncio.Future[None] | None = None

    def take(self, origin: str) -> Connection | None:
        """The connection to `origin` that was used last, if one can be trusted; it is the taker's now."""
        waiting = self._idle.get(origin)
        while waiting:
            connection = waiting.pop()
            if connection.usable and self._loop.time() < connection.idle_until:
                return connection
            connection.abort()
        return None

    def keep(self, connection: Connection, seconds: float | None) -> None:
        """An exchange is over: the connection may have another, within so many seconds if the upstream named any."""
        idle = IDLE_SECONDS if seconds is None else min(IDLE_SECONDS, seconds)
        if idle <= 0:
            connection.abort()
            return
        connection.idle_until = self._loop.time() + idle
        self._idle.setdefault(connection.origin, []).append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def forget(self, connection: Connection) -> None:
        """The connection is of no more use."""
        waiting = self._idle.get(connection.origin, [])
        if connection in waiting:
            waiting.remove(connection)

    def opened(self, connection: Connection) -> None:
        """There is a new connection."""
        self._open.add(connection)

    def closed(self, connection: Connection) -> None:
        """A connection's transport has reported its end."""
        self._open.discard(connection)
        if self._farewell is not None and not self._open and not self._farewell.done():
            self._farewell.set_result(None)

    def _sweep(self) -> None:
        now = self._loop.time()
        for waiting in self._idle.values():
            for connection in [each for each in waiting if each.idle_until <= now]:
                connection.abort()
        self._idle = {origin: waiting for origin, waiting in self._idle.items() if waiting}
        self._sweeping = self._loop.call_later(SWEEP_SECONDS, self._sweep) if self._idle else None

    async def close(self) -> None:
        """Close every connection, those in use too, and wait until they are."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            self._farewell = self._loop.create_future()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._farewell, FAREWELL_SECONDS)
