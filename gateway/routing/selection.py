"""Whose turn it is inside a tier: weighted round robin, or the same deployment for the same key."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Container, Sequence
from heapq import heapify, heappop, heappush, heapreplace

from gateway.registry.deployments import Deployment

# When, its place in the tier, how many turns lie before it, whose. No two turns of a tier have one place.
_Turn = tuple[float, int, int, Deployment]

# Of one pool, as tenants with models of their own see it; the times of turns outlive a queue.
KEPT_QUEUES = 1024

# A weight of nothing: its turn comes when nobody else is usable.
_LEAST = 1e-9


class Rotation:
    """Turns of one pool, by weight: 0.7 and 0.3 give exactly 7 and 3 of every 10, spread evenly; equal weights give
    strict round robin.

    The turns of a deployment of weight w lie at the times (n + ½) / w, n = 0, 1, 2, …; the earliest comes next. To take
    one costs the logarithm of the tier's size. Who was passed over does not catch up afterwards.
    """

    def __init__(self, times: dict[str, float] | None = None) -> None:
        # The time of each deployment's last turn, by which it goes on after a change of the registry.
        self._times = times or {}
        # The coming turns of each tier, by its identity, which the tier itself beside them keeps from being reused.
        self._queues: dict[int, tuple[Sequence[Deployment], list[_Turn]]] = {}

    def next(self, tier: Sequence[Deployment], usable: Callable[[Deployment], bool]) -> Deployment | None:
        """Whose turn it is in a tier, among those that are usable; None when none is."""
        queue = self._queue(tier)
        passed: list[_Turn] = []
        chosen: Deployment | None = None
        now = 0.0
        while queue:
            now, place, number, deployment = queue[0]
            if usable(deployment):
                chosen = deployment
                heapreplace(queue, _turn(deployment, place, number + 1))
                self._times[deployment.id] = now
                break
            passed.append(heappop(queue))
        for at, place, number, deployment in passed:
            heappush(queue, (at, place, number, deployment) if chosen is None else _from(now, deployment, place))
        return chosen

    def copy(self) -> Rotation:
        """The same turns, to look ahead without taking any."""
        copied = Rotation(dict(self._times))
        copied._queues = {key: (tier, list(queue)) for key, (tier, queue) in self._queues.items()}
        return copied

    def forget(self, kept: Container[str]) -> None:
        """The registry changed: let go of old tiers, and of the turns of deployments that are gone."""
        self._queues.clear()
        self._times = {each: time for each, time in self._times.items() if each in kept}

    def _queue(self, tier: Sequence[Deployment]) -> list[_Turn]:
        held = self._queues.get(id(tier))
        if held is None:
            times = [self._times[each.id] for each in tier if each.id in self._times]
            # Who is new begins where the others are, and has nothing to catch up.
            now = min(times, default=0.0)
            queue = []
            for place, each in enumerate(tier):
                last = self._times.get(each.id)
                queue.append(_from(now, each, place) if last is None else _after(last, each, place))
            heapify(queue)
            if len(self._queues) >= KEPT_QUEUES:
                self._queues.clear()
            held = self._queues[id(tier)] = tier, queue
        return held[1]


def _turn(deployment: Deployment, place: int, number: int) -> _Turn:
    return (number + 0.5) / max(deployment.weight, _LEAST), place, number, deployment


def _from(now: float, deployment: Deployment, place: int) -> _Turn:
    """The deployment's first turn that does not lie before this time."""
    return _turn(deployment, place, max(0, math.ceil(now * max(deployment.weight, _LEAST) - 0.5 - 1e-6)))


def _after(last: float, deployment: Deployment, place: int) -> _Turn:
    """The deployment's first turn after its last one, which lies at that time, perhaps by another weight than now."""
    return _turn(deployment, place, math.floor(last * max(deployment.weight, _LEAST) - 0.5 + 1e-6) + 1)


def steady(key: str, available: Sequence[Deployment]) -> Deployment:
    """The deployment of a key: weighted rendezvous hashing.

    Each key scores every deployment by hash and weight, and the highest wins. A deployment that comes or goes moves
    only its own keys, in proportion to its weight.
    """
    return max(available, key=lambda each: _score(key, each))


def _score(key: str, deployment: Deployment) -> float:
    digest = hashlib.blake2b(f"{deployment.id}\0{key}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest, "big") + 0.5) / 2**64
    return -deployment.weight / math.log(uniform)
