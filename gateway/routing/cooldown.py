"""How long a failed deployment rests, and which ones are resting."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol

from gateway.routing.outcome import Outcome

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}


def _seconds(text: str) -> float | None:
    """A count of seconds, or OpenAI's durations: `6m0s`, `1.5s`, `20ms`."""
    text = text.strip().lower()
    parts = list(_PART.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        return None
    return sum(float(part[1]) * _UNIT[part[2]] for part in parts)


def _milliseconds(text: str) -> float | None:
    seconds = _seconds(text)
    return None if seconds is None else seconds / 1000


def _date(text: str, now: float) -> float | None:
    """An HTTP date (RFC 9110 section 10.2.3), as seconds from now."""
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def told_wait(headers: Mapping[str, str], status: int, now: float) -> float | None:
    """Seconds of rest that an upstream's answer asks for; None if it names no usable time.

    headers: names in lower case. now: seconds since the epoch, for HTTP dates. The most exact header wins; the reset
    times of limits are read on a 429 alone, since every answer carries them.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        wait = _milliseconds(headers.get(name, ""))
        if wait is not None:
            return wait
    text = headers.get("retry-after", "")
    wait = _seconds(text)
    if wait is None and text:
        wait = _date(text, now)
    if wait is not None or status != 429:
        return wait
    resets = {
        limit: reset
        for limit in ("requests", "tokens")
        if (reset := _seconds(headers.get(f"x-ratelimit-reset-{limit}", ""))) is not None
    }
    exhausted = [
        reset for limit, reset in resets.items() if headers.get(f"x-ratelimit-remaining-{limit}", "").strip() == "0"
    ]
    return max(exhausted or resets.values(), default=None)


class RestObserver(Protocol):
    """Hears of each deployment that begins to rest, and then nothing more of it until it serves again."""

    def rests(self, deployment_id: str, seconds: float, outcome: Outcome) -> None:
        """It rests for so long, because of this outcome."""
        ...

    def serves_again(self, deployment_id: str) -> None:
        """It answered a call, the first one since its rest ended."""
        ...


class Cooldowns:
    """Which deployments rest, until when and why. State of one process; `clock` is monotonic seconds.

    observer: is told at once, from within `record`.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        default_seconds: float,
        cap_seconds: float,
        observer: RestObserver | None = None,
    ) -> None:
        self._observer = observer
        # Those the observer was told of, and not yet of their return.
        self._told: set[str] = set()
        self._clock = clock
        self._default = default_seconds
        self._cap = cap_seconds
        self._until: dict[str, tuple[float, Outcome]] = {}
        self._failures: dict[str, int] = {}

    def record(self, deployment_id: str, outcome: Outcome, *, alone: bool) -> None:
        """Take note of an attempt's end. A later rest never shortens a running one.

        A deployment that is `alone` in its pool rests only when it fails twice in a row and says itself for how long:
        with nobody to take its calls, a guess would only add refusals of our own.
        """
        if not outcome.kind.cools:
            if self._failures:
                self._failures.pop(deployment_id, None)
            if self._told and deployment_id in self._told:
                self._answered(deployment_id)
            return
        failures = self._failures[deployment_id] = self._failures.get(deployment_id, 0) + 1
        if alone and (failures < 2 or outcome.wait is None):
            return
        wait = self._default if outcome.wait is None else outcome.wait
        rest = min(wait if math.isfinite(wait) else self._cap, self._cap)
        until = self._clock() + rest
        if until > self._until.get(deployment_id, (0.0, outcome))[0]:
            self._until[deployment_id] = until, outcome
            if self._observer is not None and rest > 0 and deployment_id not in self._told:
                self._told.add(deployment_id)
                self._observer.rests(deployment_id, rest, outcome)

    def _answered(self, deployment_id: str) -> None:
        """A call was answered by one that rested: news, unless the call was in flight when the rest began."""
        if self._observer is not None and not self.remaining(deployment_id):
            self._told.discard(deployment_id)
            self._observer.serves_again(deployment_id)

    def remaining(self, deployment_id: str) -> float:
        """Seconds until the deployment may be called; 0 when it may be called now."""
        if not self._until:
            return 0.0
        resting = self._until.get(deployment_id)
        if resting is None:
            return 0.0
        left = resting[0] - self._clock()
        if left <= 0:
            del self._until[deployment_id]
            return 0.0
        return left

    def reason(self, deployment_id: str) -> Outcome | None:
        """The outcome for which the deployment rests; None when it does not."""
        return self._until[deployment_id][1] if self.remaining(deployment_id) else None

    def forget(self, deployment_ids: Collection[str]) -> None:
        """Start afresh with deployments that were changed or removed."""
        for each in deployment_ids:
            self._until.pop(each, None)
            self._failures.pop(each, None)
