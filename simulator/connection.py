"""One client's connection: requests in, one answer at a time out."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from simulator import wire
from simulator.delivery import deliver
from simulator.multipart import Form
from simulator.record import Received
from simulator.reply import Reply

_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)
_BAD_REQUEST = {"content-type": "text/plain", "connection": "close"}


class Connection(asyncio.Protocol):
    """Parses HTTP/1.1, keeps the connection alive between requests, and drops it when a script says so.

    `begin` is told of each request when its headers are here, `decide` chooses the answer when its body is, and
    `connections` holds every open connection.
    """

    def __init__(
        self,
        begin: Callable[[Received], None],
        decide: Callable[[Received], Reply],
        connections: set[Connection],
    ) -> None:
        self._begin = begin
        self._decide = decide
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._waiting: deque[Received] = deque()  # begun but not answered yet; only the last may be incomplete
        self._answering: Received | None = None
        self._keep_alive = True
        self._delivery: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        # Paused whenever anything is left unsent: `flushed` is then exact, and so are the stamps of a stream.
        self._transport.set_write_buffer_limits(high=0)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            text = f"Not HTTP/1.1 as the simulator speaks it: {error}".encode()
            self._transport.write(wire.head(400, _BAD_REQUEST, wire.length(text)) + text)
            self._transport.close()
        else:
            self._answer_next()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        now = time.monotonic()
        for received in (self._answering, *self._waiting):
            if received is not None:
                received.close(now, early=True)
        self._answering = None
        self._waiting.clear()
        if self._delivery is not None:
            self._delivery.cancel()
        self._lost.set()

    # What the parser calls

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        path, _, query = self._target.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("latin-1")
        received = Received(method, path, query, self._headers, time.monotonic())
        self._target, self._headers = b"", []
        self._waiting.append(received)
        self._begin(received)
        received.form = Form.of(received.header(b"content-type"))
        if received.header(b"expect").lower() == "100-continue":
            self._transport.write(wire.CONTINUE)

    def on_body(self, piece: bytes) -> None:
        self._waiting[-1].feed(piece)

    def on_message_complete(self) -> None:
        self._waiting[-1].complete()
        self._keep_alive = self._parser.should_keep_alive()

    # What an answer's delivery calls

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def flushed(self) -> None:
        await self._writable.wait()

    def reset(self) -> None:
        self._end()
        # Without lingering, closing a socket sends RST instead of FIN.
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
        self._transport.abort()

    def close(self) -> None:
        self._end()
        self._transport.close()

    async def drop(self) -> None:
        """Drop the connection at once, whatever it is doing, and wait until it is gone."""
        self._transport.abort()
        await self._lost.wait()

    # The exchange

    def _answer_next(self) -> None:
        """Answer what has arrived, in order; an answer that takes time holds up those behind it."""
        while self._may_answer():
            received = self._answering = self._waiting.popleft()
            reply = self._decide(received)
            received.answered_status = reply.status or None
            if isinstance(reply.body, bytes) and reply.script.prompt:
                self._transport.write(wire.head(reply.status, reply.headers, wire.length(reply.body)) + reply.body)
                self._finish()
            else:
                self._delivery = asyncio.get_running_loop().create_task(deliver(reply, self))
                self._delivery.add_done_callback(self._delivered)

    def _may_answer(self) -> bool:
        idle = self._answering is None and not self._transport.is_closing()
        return idle and bool(self._waiting) and self._waiting[0].arrived

    def _delivered(self, delivery: asyncio.Task[None]) -> None:
        self._delivery = None
        if delivery.cancelled():
            return
        if delivery.exception() is not None:
            self._transport.abort()
            delivery.result()
        self._finish()
        self._answer_next()

    def _finish(self) -> None:
        self._end()
        if not self._keep_alive and not self._waiting:  # what was pipelined before it is answered first
            self._transport.close()

    def _end(self) -> None:
        """The exchange is over, by our doing."""
        if self._answering is not None:
            self._answering.close(time.monotonic(), early=False)
            self._answering = None
