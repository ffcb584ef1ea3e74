"""uvicorn's HTTP protocol, but for one thing: a whole answer leaves in one write, its head checked in one go."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from gateway.write_batch import WriteBatch

# These say how an answer is framed, which is uvicorn's to sort out.
FRAMING = (b"connection", b"transfer-encoding", b"content-length")
# Header names come in few forms; what is made up has an end.
KEPT_NAMES = 1024
_batch = WriteBatch()
_line_starts: dict[bytes, bytes] = {}


class OneWriteProtocol(HttpToolsProtocol):
    """Give it to uvicorn as `http`."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.send = Answering(cycle, self.tasks).send  # type: ignore[method-assign]
        super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """The server ends."""
        # What closes a connection must not overtake its last answer.
        _batch.flush()
        super().shutdown()


class Answering:
    """The `send` of one request. running: the tasks of all that the server answers now.

    A head waits for the first part of the body, as ASGI asks of servers. If that is all of it, both are written here;
    every other answer is uvicorn's.
    """

    __slots__ = ("_cycle", "_running", "_start")

    def __init__(self, cycle: RequestResponseCycle, running: Sized) -> None:
        self._cycle = cycle
        self._running = running
        self._start: Any = None

    async def send(self, message: Any) -> None:
        """ASGI's `send`."""
        cycle, start = self._cycle, self._start
        if message["type"] == "http.response.start" and not cycle.response_started:
            self._start = message
            return
        if start is not None and message["type"] == "http.response.body":
            self._start = None
            body = message.get("body", b"")
            if not message.get("more_body") and self._is_plain():
                head = whole_head(start["status"], cycle.default_headers, start.get("headers", ()), len(body))
                if head is not None:
                    self._write(head + body)
                    return
            await RequestResponseCycle.send(cycle, start)
        await RequestResponseCycle.send(cycle, message)
        if cycle.response_complete:
            self._release()

    def _is_plain(self) -> bool:
        """Whether nothing is to be thought of but the answer itself."""
        cycle = self._cycle
        return (
            cycle.keep_alive
            and not (cycle.disconnected or cycle.flow.write_paused or cycle.access_log)
            and cycle.scope["method"] != "HEAD"
        )

    def _write(self, answer: bytes) -> None:
        cycle = self._cycle
        self._release()
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        _batch.write(partial(_write, cycle.transport), answer, len(self._running))
        cycle.message_event.set()
        cycle.on_response()

    def _release(self) -> None:
        # The two hold each other: a cycle, which only the garbage collector would find.
        del self._cycle.send


def _write(transport: Any, data: bytes) -> None:
    # Who is gone meanwhile does not wait for an answer.
    if not transport.is_closing():
        transport.write(data)


def whole_head(
    status: int, default: list[tuple[bytes, bytes]], headers: Sequence[tuple[bytes, bytes]], length: int
) -> bytes | None:
    """The head of an answer with a body of `length` bytes, which its last header tells; None for any other."""
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
    head = STATUS_LINE[status] + b"\r\n".join(lines)
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
