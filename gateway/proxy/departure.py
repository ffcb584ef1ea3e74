"""Notice that a caller has left, and stop the work that was for it."""

from __future__ import annotations

import asyncio
from types import TracebackType

from gateway.asgi import CallerGone, Receive
from gateway.proxy.alarm import Alarm


class CallerWatch:
    """While entered, a caller that leaves cancels the body of the `with`, which then raises CallerGone.

    The server tells of a departure only to those who ask (ASGI's `http.disconnect`), so one small task asks; a call
    that is over soon needs none. alarm: of the task that enters, which is the one that is cancelled; closed with the
    watch.
    """

    __slots__ = ("_gone", "_over", "_receive", "_task", "alarm")

    def __init__(self, receive: Receive, alarm: Alarm) -> None:
        self._receive = receive
        self.alarm = alarm
        self._gone = False
        self._over = False
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> CallerWatch:
        self.alarm.lasting = self._start
        return self

    def _start(self) -> None:
        self._task = self.alarm.loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        # Servers say the same of an answer that was sent whole.
        if not self._over:
            self._gone = True
            self.alarm.task.cancel()

    def end(self) -> None:
        """The last part of the answer is on the way: a departure changes nothing any more."""
        self._over = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self.alarm.close()
        if self._task is not None:
            self._task.cancel()
            # They hold each other.
            self._task = None
        if self._gone and self.alarm.task.uncancel() == 0:
            raise CallerGone from None
