"""A limit on how long a task waits, for the price of one timer over many waits."""

from __future__ import annotations

import asyncio
import math
from types import TracebackType


class Alarm:
    """Raises TimeoutError out of `with alarm.within(seconds):` when that takes too long, as asyncio.timeout does.

    It belongs to the task that makes it, and limits one wait after the other; close it when it is done with. Its timer
    is not moved by a wait that ends later than the one before: it looks again when it rings.
    """

    __slots__ = ("_cancelling", "_deadline", "_rang", "_timer", "loop", "task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "an alarm rings for a task"
        self.task = task
        self.loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = math.inf
        self._cancelling = 0
        self._rang = False

    def within(self, seconds: float) -> Alarm:
        """The context of one wait."""
        self._deadline = deadline = self.loop.time() + seconds
        timer = self._timer
        if timer is None:
            self._timer = self.loop.call_at(deadline, self._ring)
        elif timer.when() > deadline:
            timer.cancel()
            self._timer = self.loop.call_at(deadline, self._ring)
        return self

    def __enter__(self) -> None:
        self._cancelling = self.task.cancelling()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadline = math.inf
        if self._rang:
            self._rang = False
            # Somebody else may have cancelled the task as well: that goes first.
            if self.task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _ring(self) -> None:
        self._timer = None
        if self._deadline <= self.loop.time():
            self._rang = True
            self.task.cancel()
        elif self._deadline < math.inf:
            self._timer = self.loop.call_at(self._deadline, self._ring)

    def close(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
