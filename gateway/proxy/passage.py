"""The passage of a body from upstream to caller, piece by piece: at once where the caller's connection has room."""

from __future__ import annotations

import math
from collections.abc import Callable

from gateway.asgi import DirectSend, Send
from gateway.proxy.alarm import Alarm
from gateway.upstream.session import UpstreamAnswer


class Passage:
    """Passes a body on, without waking its task for pieces that can go out as soon as they come.

    frame: makes of what came what may go out now. alarm: of the task that waits.
    """

    __slots__ = ("_alarm", "_frame", "_heard", "_part", "_send", "_waiting")

    def __init__(self, frame: Callable[[bytes], bytes], send: Send, alarm: Alarm) -> None:
        self._frame = frame
        self._send = send
        self._part = send.part if isinstance(send, DirectSend) else None
        self._alarm = alarm
        # What goes out before anything else; when the upstream was heard last, in the loop's time.
        self._waiting = b""
        self._heard = 0.0

    async def begin(self, held: bytes) -> None:
        """Pass on what is here already."""
        if held and not self._take(held):
            await self._more(self._waiting)

    async def follow(
        self, upstream: UpstreamAnswer, idle: float, keepalive: float = math.inf, comment: bytes = b""
    ) -> None:
        """Pass on what comes, to its end. Raises ConnectionFailed, and TimeoutError after `idle` seconds of silence.

        After each `keepalive` seconds of it the caller gets the comment.
        """
        now = self._alarm.loop.time
        self._heard = told = now()
        while True:
            until = min(max(told, self._heard) + keepalive, self._heard + idle)
            try:
                with self._alarm.within(until - now()):
                    if await upstream.pass_on(self._take):
                        return
                await self._more(self._waiting)
                # While the caller took its time the upstream had to wait.
                self._heard = now()
            except TimeoutError:
                # Pieces that came meanwhile moved no alarm, but these.
                if self._heard + idle <= until:
                    raise
                if max(told, self._heard) + keepalive <= until:
                    told = until
                    await self._more(comment)

    def _take(self, chunk: bytes) -> bool:
        """Pass a piece on at once; False if it has to wait for the caller."""
        self._heard = self._alarm.loop.time()
        passed = self._frame(chunk)
        if not passed or (self._part is not None and self._part(passed)):
            return True
        self._waiting = passed
        return False

    async def _more(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
