"""Limits on how long tasks wait, for the price of one timer over all of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import TracebackType

# How often all that wait are looked at, and so how much later than it should an alarm may ring.
ROUND_SECONDS = 0.02


class Alarms:
    """The alarms of one event loop. While there are any, one timer goes round and rings those whose time has come."""

    def __init__(self, round_seconds: float = ROUND_SECONDS) -> None:
        self._round_seconds = round_seconds
        self._set: set[Alarm] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def new(self) -> Alarm:
        """An alarm for the task that asks; to be closed."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "an alarm rings for a task"
        alarm = Alarm(self, loop, task)
        self._set.add(alarm)
        if self._timer is None:
            self._timer = loop.call_later(self._round_seconds, self._round)
        return alarm

    def forget(self, alarm: Alarm) -> None:
        """It is done with."""
        self._set.discard(alarm)

    def _round(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        for alarm in tuple(self._set):
            alarm.look(now)
        self._timer = self._loop.call_later(self._round_seconds, self._round) if self._set else None


class Alarm:
    """Raises TimeoutError out of `with alarm.within(seconds):` when that takes too long, as asyncio.timeout does.

    It limits one wait of its task after the other. lasting: called once, when the task has gone on for a round or two.
    """

    __slots__ = ("_alarms", "_cancelling", "_deadline", "_rang", "_rounds", "lasting", "loop", "task")

    def __init__(self, alarms: Alarms, loop: asyncio.AbstractEventLoop, task: asyncio.Task[object]) -> None:
        self.task = task
        self.loop = loop
        self.lasting: Callable[[], None] | None = None
        self._alarms = alarms
        self._cancelling = task.cancelling()
        self._deadline = math.inf
        self._rang = False
        self._rounds = 0

    def within(self, seconds: float) -> Alarm:
        """The context of one wait."""
        self._deadline = self.loop.time() + seconds
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadline = math.inf
        if self._rang:
            self._rang = False
            # Somebody else may have cancelled the task as well: that goes first.
            if self.task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def look(self, now: float) -> None:
        """Ring, if it is time. now: the loop's."""
        self._rounds += 1
        if self.lasting is not None and self._rounds == 2:
            self.lasting()
        if self._deadline <= now:
            self._deadline = math.inf
            self._rang = True
            self.task.cancel()

    def close(self) -> None:
        """No more waits."""
        # What it calls may hold it: a cycle, which only the garbage collector would find.
        self.lasting = None
        self._alarms.forget(self)
