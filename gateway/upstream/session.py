"""The one session that talks to upstreams: the door to all that is known here of HTTP."""

from __future__ import annotations

import asyncio
from functools import partial

from gateway.upstream.answer import ConnectionFailed, UpstreamAnswer
from gateway.upstream.connection import ClosedUnanswered, Connection
from gateway.upstream.dialing import Dialer
from gateway.upstream.pool import Pool
from gateway.upstream.request_head import Address
from gateway.upstream.spool import SpooledBody

__all__ = ["ConnectionFailed", "UpstreamAnswer", "UpstreamSession"]

# A request of these methods says its length even when it is 0 (RFC 9110 section 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class UpstreamSession:
    """HTTP/1.1 over connections that are kept; bound to the event loop of its first call."""

    def __init__(self, connect_seconds: float) -> None:
        self._dialer = Dialer(connect_seconds)
        self._pool: Pool | None = None

    async def send(self, method: str, address: Address, headers: bytes, body: bytes | SpooledBody) -> UpstreamAnswer:
        """Send a request and wait for the answer's headers. Raises ConnectionFailed; follows no redirect.

        headers: lines as `header_lines` makes them; host and content-length are added, and nothing else. A kept
        connection that the upstream closed while our request was on its way is nobody's failure: the request is sent
        once more, on a new one.
        """
        pool = self._pool
        if pool is None:
            pool = self._pool = Pool(asyncio.get_running_loop())
        length = len(body) if isinstance(body, bytes) else body.length
        if length or method in _WITH_BODY:
            head = b"%b%b%bcontent-length: %d\r\n\r\n" % (method.encode(), address.start, headers, length)
        else:
            head = b"%b%b%b\r\n" % (method.encode(), address.start, headers)
        kept = pool.take(address.origin)
        if kept is not None:
            try:
                return await kept.exchange(method, head, body)
            except ClosedUnanswered:
                pass
        make = partial(Connection, address.origin, pool, asyncio.get_running_loop())
        fresh = await self._dialer.dial(address, make)
        return await fresh.exchange(method, head, body)

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
