"""A body's passage: at once where that can be, by `send` where not, never out of order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.asgi import DirectSend
from gateway.proxy.alarm import Alarms
from gateway.proxy.passage import Passage
from tests.fakes.upstream import HANG, events

PIECES = [b"a", b"b", b"c", b"d"]


class Server(DirectSend):
    """Sends; a part at once, unless it is one of those that have to wait."""

    def __init__(self, *waits: bytes) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.waits = waits

    def part(self, data: bytes) -> bool:
        if data not in self.waits:
            self.sent.append(("part", data))
        return data not in self.waits

    async def __call__(self, message: Any) -> None:
        await asyncio.sleep(0)
        assert message["more_body"]
        self.sent.append(("message", message["body"]))


async def passed(send: Any, frame: Callable[[bytes], bytes] = bytes, *more: Any, **patience: Any) -> None:
    passage = Passage(frame, send, Alarms(0.001).new())
    await passage.begin(b"a")
    await passage.follow(events(*PIECES[1:], *more), patience.pop("idle", 5), **patience)


async def test_pieces_go_out_at_once() -> None:
    server = Server()
    await passed(server)
    assert server.sent == [("part", piece) for piece in PIECES]


async def test_what_has_to_wait_is_sent_in_its_place() -> None:
    server = Server(b"a", b"c")
    await passed(server)
    assert server.sent == [("message", b"a"), ("part", b"b"), ("message", b"c"), ("part", b"d")]


async def test_a_server_that_knows_messages_alone_gets_them() -> None:
    sent = []

    async def send(message: Any) -> None:
        sent.append(message["body"])

    await passed(send)
    assert sent == PIECES


async def test_what_the_frame_holds_back_is_not_sent() -> None:
    server = Server()
    await passed(server, lambda chunk: b"" if chunk == b"b" else chunk.upper())
    assert server.sent == [("part", b"A"), ("part", b"C"), ("part", b"D")]


async def test_silence_is_filled_and_then_ended() -> None:
    server = Server()
    with pytest.raises(TimeoutError):
        await passed(server, bytes, HANG, idle=0.05, keepalive=0.02, comment=b":")
    assert server.sent[-2:] == [("message", b":")] * 2


async def test_a_caller_that_is_slow_makes_no_upstream_silent() -> None:
    class Slow(Server):
        async def __call__(self, message: Any) -> None:
            await asyncio.sleep(0.05)
            await super().__call__(message)

    class Unhurried:
        """Lets some time pass before each piece."""

        def __init__(self) -> None:
            self.pieces = [b"b", b"c"]

        async def pass_on(self, take: Callable[[bytes], bool]) -> bool:
            while self.pieces:
                await asyncio.sleep(0.015)
                if not take(self.pieces.pop(0)):
                    return False
            return True

    server = Slow(b"b")
    await Passage(bytes, server, Alarms(0.001).new()).follow(Unhurried(), idle=0.04)  # type: ignore[arg-type]
    assert server.sent == [("message", b"b"), ("part", b"c")]
