"""How the calls of each endpoint went: counts and latencies since the process began."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

# Percentiles are over so many of the latest calls: enough for a p99, and a bound on memory.
LATEST = 1000


@dataclass(slots=True)
class EndpointCounts:
    """One endpoint's calls. latencies: seconds until the answer began, of the latest calls."""

    requests: int = 0
    errors: int = 0
    in_flight: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATEST))

    def record(self, seconds: float, *, failed: bool) -> None:
        """One call ended."""
        self.requests += 1
        self.errors += failed
        self.latencies.append(seconds)

    @property
    def error_rate(self) -> float:
        """The failed part of all calls, from 0 to 1."""
        return self.errors / self.requests if self.requests else 0.0

    def percentile(self, percent: float) -> float | None:
        """The latency in seconds that so many per cent of the latest calls did not exceed; None before any call."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        rank = -(-len(ordered) * percent // 100)
        return ordered[max(0, int(rank) - 1)]
