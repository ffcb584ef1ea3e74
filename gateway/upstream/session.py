"""The one session that talks to upstreams, and the answers it brings back."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace

import aiohttp
from yarl import URL

from gateway.upstream.spool import PIECE, SpooledBody

IDLE_CONNECTION_SECONDS = 60
# A request of these methods says its length even when it is 0 (RFC 9110 section 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class ConnectionFailed(Exception):
    """No connection, or one that broke; the text is safe to log."""


class UpstreamAnswer:
    """An upstream's answer whose status and headers are here, and whose body comes as it comes.

    status: HTTP status. headers: raw pairs as received. delimited: whether the end of the body can be told from a cut
    (it has a length or is chunked).
    """

    __slots__ = ("_response", "delimited", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = list(response.raw_headers)
        self.delimited = "content-length" in response.headers or "transfer-encoding" in response.headers

    def header(self, name: str) -> str:
        """A header's value, "" when it is missing."""
        return self._response.headers.get(name, "")

    async def chunk(self) -> bytes:
        """The next bytes as they came; b"" at the end. Raises ConnectionFailed when the connection breaks."""
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, ConnectionError) as error:
            raise ConnectionFailed(_reason(error)) from error

    def close(self) -> None:
        """Done with the answer: a connection whose body was read whole is kept, any other is closed at once."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class UpstreamSession:
    """One aiohttp session, made in the running loop at the first call."""

    def __init__(self, connect_seconds: float) -> None:
        self._connect_seconds = connect_seconds
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            raise_for_status=False,
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
            trace_configs=[trace],
        )

    async def send(
        self, method: str, url: URL, headers: Sequence[tuple[str, str]], body: bytes | SpooledBody
    ) -> UpstreamAnswer:
        """Send a request and wait for the answer's headers. Raises ConnectionFailed; follows no redirect.

        A kept connection that the upstream closed while our request was on its way is nobody's failure: the request
        is sent once more, on a new one.
        """
        connection = SimpleNamespace(reused=False)
        try:
            return await self._send(method, url, headers, body, connection)
        except (aiohttp.ClientError, ConnectionError) as error:
            if not (connection.reused and _closed_while_idle(error)):
                raise ConnectionFailed(_reason(error)) from error
        try:
            return await self._send(method, url, headers, body, connection)
        except (aiohttp.ClientError, ConnectionError) as error:
            raise ConnectionFailed(_reason(error)) from error

    async def _send(
        self,
        method: str,
        url: URL,
        headers: Sequence[tuple[str, str]],
        body: bytes | SpooledBody,
        connection: SimpleNamespace,
    ) -> UpstreamAnswer:
        if self._session is None:
            self._session = self._open()
        # aiohttp writes a body of bytes in one go; larger ones are handed over in pieces, so that the loop stays free.
        data: bytes | AsyncIterator[bytes] | AsyncIterator[memoryview]
        if isinstance(body, SpooledBody):
            length, data = body.length, body.pieces()
        else:
            length, data = len(body), body if len(body) <= PIECE else _pieces(body)
        sized = method in _WITH_BODY or length
        response = await self._session.request(
            method,
            url,
            headers=[*headers, ("content-length", str(length))] if sized else headers,
            data=data if length else None,
            allow_redirects=False,
            trace_request_ctx=connection,
        )
        return UpstreamAnswer(response)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            # Transports report their end in the next turns of the loop.
            await asyncio.sleep(0)


async def _note_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = True


def _closed_while_idle(error: Exception) -> bool:
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return True
    # aiohttp wraps a reset: an upstream, or a balancer before it, that has forgotten the connection answers with one.
    return isinstance(error, aiohttp.ClientOSError) and error.errno in (errno.ECONNRESET, errno.EPIPE)


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]


def _reason(error: Exception) -> str:
    """What happened, without anything that may hold a credential."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"can't connect to {error.host}:{error.port}: {error.os_error.strerror or type(error).__name__}"
    return f"connection failed: {type(error).__name__}"
