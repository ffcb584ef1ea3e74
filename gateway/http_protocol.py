"""uvicorn's HTTP protocol, lighter: what nearly every request is, it handles itself; all else is left to uvicorn's own.

Of a small request uvicorn's share is twice that of all its system calls. Here a timer is set once for a connection and
not for each of its requests, an event is made when somebody waits for it, and a whole answer leaves in one write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from gateway.write_batch import WriteBatch

# These say how an answer is framed, which is uvicorn's to sort out.
FRAMING = (b"connection", b"transfer-encoding", b"content-length")
# Header names come in few forms; what is made up has an end.
KEPT_NAMES = 1024
# One for each server, so that it ends with the server's event loop.
_batches: WeakKeyDictionary[ServerState, WriteBatch] = WeakKeyDictionary()
_line_starts: dict[bytes, bytes] = {}


# A client's pool should be the one that lets go of an idle connection: a server that does it races with the next call.
KEEP_ALIVE_SECONDS = 75


def server_config(app: Any, **more: Any) -> Config:
    """uvicorn as it serves the gateway, wherever that is: this protocol, and no word of its own in answers or logs."""
    return Config(
        app,
        http=LightProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        **more,
    )


class LightProtocol(HttpToolsProtocol):
    """Give it to uvicorn as `http`."""

    # In the loop's time: since when the connection rests; None while it does not.
    _rests_since: float | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection came."""
        super().connection_made(transport)
        batch = _batches.setdefault(self.server_state, WriteBatch())
        self.transport = PatientTransport(transport, batch)  # type: ignore[assignment]

    def on_headers_complete(self) -> None:
        """A request's head is here."""
        url, parser = self.url, self.parser
        if b"%" in url or url[:1] != b"/" or not url.isascii() or parser.should_upgrade() or self.root_path:
            super().on_headers_complete()
            return
        path, _, query = url.partition(b"?")
        version, scope = parser.get_http_version(), self.scope
        scope["http_version"] = version
        scope["method"] = parser.get_method().decode()
        scope["path"] = path.decode()
        scope["raw_path"] = path
        scope["query_string"] = query
        before, self.cycle = self.cycle, Exchange(self, keep_alive=version != "1.0" and parser.should_keep_alive())
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_response_complete(self) -> None:
        """An answer is out: the next request's turn, or rest."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._rests_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self._look_at_rest)

    def _look_at_rest(self) -> None:
        """Close what has rested long enough; look again when the rest of now will be."""
        self.timeout_keep_alive_task = None
        if self._rests_since is None:
            return
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.timeout_keep_alive_handler()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left, self._look_at_rest)

    def _unset_keepalive_if_required(self) -> None:
        # Called when something comes. The timer runs on, and finds out when it rings.
        self._rests_since = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)


class PatientTransport:
    """A connection's transport, whose writes leave in batches and in their order."""

    __slots__ = ("_batch", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, batch: WriteBatch) -> None:
        self._transport = transport
        self._batch = batch
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write it soon."""
        self._batch.write(self._write, data)

    def _write(self, data: bytes) -> None:
        # Who is gone meanwhile does not wait for it.
        if not self.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close, once all is written."""
        self._batch.flush()
        self._transport.close()


class Exchange(RequestResponseCycle):
    """One request and its answer.

    A head waits for the first part of the body, as ASGI asks of servers. If that is all of it, both are written here;
    every other answer is uvicorn's.
    """

    # What uvicorn's own makes anew for each request. To it, an exchange is its event, too.
    logger = logging.getLogger("uvicorn.error")
    access_log = False
    disconnected = response_started = response_complete = False
    more_body = True
    chunked_encoding = None
    expected_content_length = 0

    _news = False
    _event: asyncio.Event | None = None
    _start: Any = None

    def __init__(self, protocol: LightProtocol, *, keep_alive: bool) -> None:
        self.scope = protocol.scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.default_headers = protocol.server_state.default_headers
        self.on_response = protocol.on_response_complete
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = protocol.expect_100_continue
        self.body: bytes = b""  # type: ignore[assignment]

    @property
    def message_event(self) -> Exchange:  # type: ignore[override]
        """What is told of news."""
        return self

    def set(self) -> None:
        """There is news: some of the body, its end, or the caller's."""
        self._news = True
        if self._event is not None:
            self._event.set()

    async def receive(self) -> Any:
        """ASGI's `receive`."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not (self._news or self.disconnected or self.response_complete):
            self.flow.resume_reading()
            if self._event is None:
                self._event = asyncio.Event()
            self._event.clear()
            await self._event.wait()
        self._news = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Any) -> None:
        """ASGI's `send`."""
        kind = message["type"]
        if kind == "http.response.start" and not self.response_started:
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            body = message.get("body", b"")
            plain = kind == "http.response.body" and not message.get("more_body") and self._is_plain()
            head = whole_head(start, self.default_headers, len(body)) if plain else None
            if head is not None:
                self._finish(head + body)
                return
            await super().send(start)
        elif self.chunked_encoding and message.get("more_body") and not (self.response_complete or self._is_held_up()):
            # A part of a stream; an empty one would end it.
            if body := message.get("body"):
                self.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
            return
        await super().send(message)

    def _is_plain(self) -> bool:
        """Whether nothing is to be thought of but the answer itself."""
        return self.keep_alive and not (self._is_held_up() or self.waiting_for_100_continue)

    def _is_held_up(self) -> bool:
        """Whether the caller is gone or takes no more, or wants no body."""
        return self.disconnected or self.flow.write_paused or self.scope["method"] == "HEAD"

    def _finish(self, answer: bytes) -> None:
        self.response_started = self.response_complete = True
        self.transport.write(answer)
        self.set()
        self.on_response()


def whole_head(start: Any, default: Sequence[tuple[bytes, bytes]], length: int) -> bytes | None:
    """The head of an answer with a body of `length` bytes, which its last header tells; None for any other.

    start: ASGI's message. default: the server's own headers.
    """
    headers = start.get("headers")
    if not headers or headers[-1] != (b"content-length", b"%d" % length):
        return None
    others = [*default, *headers[:-1]]
    try:
        lines = [_line_starts[name] + value for name, value in others]
    except KeyError:
        if not all(_is_known(name) for name, _ in others):
            return None
        lines = [_line_starts[name] + value for name, value in others]
    lines.append(b"content-length: %d\r\n\r\n" % length)
    head = STATUS_LINE[start["status"]] + b"\r\n".join(lines)
    # Nothing may end a line early (RFC 9110 section 5.5): all line ends in it are ours.
    ends = len(lines) + 2
    return head if head.count(b"\n") == ends and head.count(b"\r") == ends and b"\0" not in head else None


def _is_known(name: bytes) -> bool:
    """Whether this is a name whose line can be begun; then it is remembered."""
    if name in _line_starts:
        return True
    lower = name.lower()
    if lower in FRAMING or HEADER_RE.search(lower) or len(_line_starts) >= KEPT_NAMES:
        return False
    _line_starts[name] = lower + b": "
    return True
