"""Watch the calls of each endpoint: how many run, how they ended, how long they took."""

from __future__ import annotations

import time
from types import TracebackType

from gateway.asgi import CallerGone
from gateway.metering.endpoint_counts import EndpointCounts
from gateway.routing.eligibility import Pool


class EndpointWatch:
    """The counts of every endpoint that this process served, by name."""

    def __init__(self) -> None:
        self._counts: dict[str, EndpointCounts] = {}

    def counts(self, name: str) -> EndpointCounts:
        """The counts of one endpoint; zeros for one that was never called."""
        return self._counts.get(name) or EndpointCounts()

    def watching(self, pool: Pool) -> _Watched:
        """A context for one call; it counts when the pool is an endpoint's."""
        if not pool.is_endpoint:
            return _UNWATCHED
        return _Watched(self._counts.setdefault(pool.key[1], EndpointCounts()))


class _Watched:
    """One call on its way. A caller that leaves is no error of the endpoint's."""

    def __init__(self, counts: EndpointCounts | None) -> None:
        self._counts = counts
        self._failed: bool | None = None
        self._seconds = 0.0

    def __enter__(self) -> _Watched:
        if self._counts is not None:
            self._counts.in_flight += 1
            self._started = time.perf_counter()
        return self

    def answered(self, status: int) -> None:
        """The answer begins with this status; 0: it broke off."""
        if self._counts is not None:
            if self._failed is None:
                self._seconds = time.perf_counter() - self._started
            self._failed = status == 0 or status == 429 or status >= 500

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._counts is None:
            return
        self._counts.in_flight -= 1
        if self._failed is not None:
            self._counts.record(self._seconds, failed=self._failed)
        elif isinstance(error, Exception) and not isinstance(error, CallerGone):
            self._counts.record(time.perf_counter() - self._started, failed=True)


_UNWATCHED = _Watched(None)
