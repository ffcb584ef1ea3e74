"""One request and its answer, lighter than uvicorn's: a whole answer leaves in one write, its head checked as one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

from gateway.asgi import DirectSend

if TYPE_CHECKING:
    from gateway.server.protocol import LightProtocol

# These say how an answer is framed, which is uvicorn's to sort out.
FRAMING = (b"connection", b"transfer-encoding", b"content-length")
# Header names come in few forms; what is made up has an end.
KEPT_NAMES = 1024
_line_starts: dict[bytes, bytes] = {}
_default: tuple[list[tuple[bytes, bytes]], bytes] = [], b""


class Exchange(RequestResponseCycle, DirectSend):
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

    def has_come(self, body: bytes) -> None:
        """All of the body is here."""
        self.body = body
        self.more_body = False
        self._news = True

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

    @property
    def send(self) -> Exchange:
        """ASGI's `send`."""
        return self

    def whole(self, status: int, lines: bytes, body: bytes) -> bool:
        """Send a whole answer, if nothing is to be thought of but that."""
        if self.response_started or not self._is_plain():
            return False
        self._finish(status, lines, body)
        return True

    def part(self, data: bytes) -> bool:
        """Send a part of a stream that goes out in chunks, if there is room for it."""
        if not self.chunked_encoding or self.response_complete or self._is_held_up():
            return False
        self.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        return True

    async def __call__(self, message: Any) -> None:
        """ASGI's `send`, called."""
        kind = message["type"]
        if kind == "http.response.start" and not self.response_started:
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            body = message.get("body", b"")
            plain = kind == "http.response.body" and not message.get("more_body") and self._is_plain()
            told = whole_lines(start.get("headers"), len(body)) if plain else None
            if told is not None:
                self._finish(start["status"], told, body)
                return
            await super().send(start)
        elif message.get("more_body") and (body := message.get("body")) and self.part(body):
            return
        await super().send(message)

    def _is_plain(self) -> bool:
        """Whether nothing is to be thought of but the answer itself."""
        return self.keep_alive and not (self._is_held_up() or self.waiting_for_100_continue)

    def _is_held_up(self) -> bool:
        """Whether the caller is gone or takes no more, or wants no body."""
        return self.disconnected or self.flow.write_paused or self.scope["method"] == "HEAD"

    def _finish(self, status: int, lines: bytes, body: bytes) -> None:
        """Send all of an answer. lines: those of its headers, without the server's own and without the length."""
        self._start = None
        self.response_started = self.response_complete = True
        own = _default_lines(self.default_headers)
        self.transport.write(b"%b%b%bcontent-length: %d\r\n\r\n%b" % (STATUS_LINE[status], own, lines, len(body), body))
        self.set()
        self.on_response()


def whole_lines(headers: Any, length: int) -> bytes | None:
    """The lines of all headers but the last, which tells a body of `length` bytes; None where that is not so simple."""
    if not headers or headers[-1] != (b"content-length", b"%d" % length):
        return None
    return _lines(headers[:-1])


def _lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The lines of headers; None if one of them says how the answer is framed, or is no header."""
    found = []
    for name, value in headers:
        if name not in _line_starts and not _may_begin_a_line(name):
            return None
        found.append(_line_starts[name] + value)
    # Nothing may end a line early (RFC 9110 section 5.5): all line ends are ours.
    lines = b"\r\n".join([*found, b""])
    return lines if lines.count(b"\n") == lines.count(b"\r") == len(found) and b"\0" not in lines else None


def _may_begin_a_line(name: bytes) -> bool:
    """Whether this is the name of a header that frames nothing; then it is remembered."""
    lower = name.lower()
    if lower in FRAMING or HEADER_RE.search(lower) or len(_line_starts) >= KEPT_NAMES:
        return False
    _line_starts[name] = lower + b": "
    return True


def _default_lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The lines of the server's own headers, which are the same ones for a second."""
    global _default
    if headers is not _default[0]:
        _default = headers, b"".join([b"%b: %b\r\n" % pair for pair in headers])
    return _default[1]
