"""The upstream of every measurement: a fixed chat answer of 620 bytes, or a stream as the request's text asks for it.

python -m benchmarks.upstream   prints its address. It answers any POST, so that every gateway's own path leads here.
A call with `"stream": true` gets as many chunks as its message says, `50 chunks every 20 ms`; 0 ms: one after another.
Written by hand on asyncio's protocols, so that it is never what is measured.
"""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from typing import cast

USAGE = '"usage":{"prompt_tokens":9,"completion_tokens":64,"total_tokens":73}'
ABOUT = '"id":"chatcmpl-0123456789abcdefghij","created":1767225600,"model":"gpt-4o-mini","system_fingerprint":"fp_0123"'
ANSWER_BYTES = 620
DONE = b"data: [DONE]\n\n"
PACE = re.compile(rb"(\d+) chunks every (\d+) ms")
STREAMS = re.compile(rb'"stream":\s*true')
WANTS_USAGE = re.compile(rb'"include_usage":\s*true')
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


def _answer() -> bytes:
    """One choice of plain text, as long as it takes."""
    head = f'{{{ABOUT},"object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":"'
    tail = f'","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],{USAGE}}}'
    return (head + ("All is well. " * 50)[: ANSWER_BYTES - len(head) - len(tail)] + tail).encode()


def _event(delta: str, finish: str = "null") -> bytes:
    choice = f'"choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]'
    return f'data: {{{ABOUT},"object":"chat.completion.chunk",{choice}}}\n\n'.encode()


ANSWER = _answer()
PLAIN = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_0123456789\r\ncontent-length: %d\r\n\r\n"
    % len(ANSWER)
) + ANSWER
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
FIRST = _event('{"role":"assistant","content":"All"}')
# Different ones by turns: LiteLLM takes a hundred alike for a model that has lost its mind, and ends the stream.
WORDS = (" is", " well", " in", " the", " state", " of", " things")
LAST = _event("{}", '"stop"')
LAST_USAGE = f'data: {{{ABOUT},"object":"chat.completion.chunk","choices":[],{USAGE}}}\n\n'.encode()


def framed(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


FRAMED_FIRST = framed(FIRST)
FRAMED_NEXT = tuple(framed(_event(f'{{"content":"{word}"}}')) for word in WORDS)


class Upstream(asyncio.Protocol):
    """One connection. Requests come one at a time: nothing here is pipelined."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._missing = 0
        self._received: list[bytes] = []
        self._left = 0
        self._pause = 0.0
        self._next_at = 0.0
        self._end = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A gateway connects."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def connection_lost(self, exc: Exception | None) -> None:
        """It leaves, perhaps in the middle of a stream."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Part of a request; answer when it is whole."""
        if not self._received:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._received = [data]
                self._missing = 0
                return
            self._missing = _length(data, end) - (len(data) - end - 4)
        elif self._missing:
            self._missing -= len(data)
        else:  # a head in pieces
            data, self._received = b"".join((*self._received, data)), []
            self.data_received(data)
            return
        if self._missing > 0:
            self._received.append(data)
            return
        request, self._received = (data if not self._received else b"".join((*self._received, data))), []
        self._answer(request)

    def _answer(self, request: bytes) -> None:
        assert self._transport is not None
        if STREAMS.search(request) is None:
            self._transport.write(PLAIN)
            return
        pace = PACE.search(request)
        count, milliseconds = (int(pace[1]), int(pace[2])) if pace else (1, 0)
        usage = framed(LAST_USAGE) if WANTS_USAGE.search(request) else b""
        self._left, self._pause = count - 1, milliseconds / 1000
        self._next_at = self._loop.time() + self._pause
        self._end = framed(LAST) + usage + framed(DONE) + b"0\r\n\r\n"
        self._transport.write(STREAM_HEAD + FRAMED_FIRST)
        self._schedule()

    def _schedule(self) -> None:
        if self._pause:
            self._loop.call_at(self._next_at, self._chunk)
            self._next_at += self._pause
        else:
            self._loop.call_soon(self._chunk)

    def _chunk(self) -> None:
        if self._transport is None:
            return
        if self._left <= 0:
            self._transport.write(self._end)
            return
        self._left -= 1
        self._transport.write(FRAMED_NEXT[self._left % len(FRAMED_NEXT)])
        self._schedule()


def _length(head: bytes, end: int) -> int:
    found = LENGTH.search(head, 0, end + 2)
    return int(found[1]) if found else 0


async def serve() -> None:
    """Serve until SIGTERM or SIGINT."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    # Taken anew by its descriptor it knows its protocol, and asyncio then sends small answers at once (TCP_NODELAY).
    server = await loop.create_server(Upstream, sock=socket.socket(fileno=listener.detach()))
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await told.wait()
    server.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve())
