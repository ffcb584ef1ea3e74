"""Notice that a caller has left, and stop the work that was for it."""

from __future__ import annotations

import asyncio
from types import TracebackType

from gateway.asgi import CallerGone, Message, Receive, Send
from gateway.proxy.alarm import Alarm

# A call that is over sooner needs no watch; one that is not is watched by a small task.
UNWATCHED_SECONDS = 0.002


class CallerWatch:
    """While entered, a caller that leaves cancels the body of the `with`, which then raises CallerGone.

    The server tells of a departure only to those who ask (ASGI's `http.disconnect`), so one small task asks. alarm: of
    the task that enters, which is the one that is cancelled; closed with the watch.
    """

    __slots__ = ("_alarm", "_gone", "_over", "_receive", "_send", "_starting", "_task")

    def __init__(self, receive: Receive, send: Send, alarm: Alarm) -> None:
        self._receive = receive
        self._send = send
        self._alarm = alarm
        self._gone = False
        self._over = False
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> CallerWatch:
        self._starting = self._alarm.loop.call_later(UNWATCHED_SECONDS, self._start)
        return self

    def _start(self) -> None:
        self._task = self._alarm.loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        # Servers say the same of an answer that was sent whole.
        if not self._over:
            self._gone = True
            self._alarm.task.cancel()

    async def send(self, message: Message) -> None:
        """Send a part of the answer. Once its last part is on the way a departure changes nothing any more."""
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._over = True
        await self._send(message)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._starting.cancel()
        self._alarm.close()
        if self._task is not None:
            self._task.cancel()
        if self._gone and self._alarm.task.uncancel() == 0:
            raise CallerGone from None
