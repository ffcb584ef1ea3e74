"""Whose turn it is inside a tier: smooth weighted round robin, or the same deployment for the same key."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from gateway.registry.deployments import Deployment


class Rotation:
    """Turns of one pool (nginx's smooth weighted round robin).

    Each turn every available deployment gains its weight, the richest is chosen and pays the sum of the weights. Equal
    weights give strict round robin; 0.7 and 0.3 give exactly 7 and 3 of every 10, spread evenly.
    """

    def __init__(self, credit: dict[str, float] | None = None) -> None:
        self._credit = credit or {}

    def next(self, available: Sequence[Deployment]) -> Deployment:
        """Whose turn it is among the available ones; there must be one at least."""
        credit = self._credit
        total = 0.0
        best, most = available[0], float("-inf")
        for deployment in available:
            weight = deployment.weight
            total += weight
            held = credit[deployment.id] = credit.get(deployment.id, 0.0) + weight
            # Rounding of 0.7 + 0.3 must not decide a tie.
            if held > most + 1e-9:
                best, most = deployment, held
        credit[best.id] -= total
        return best

    def copy(self) -> Rotation:
        """The same turns, to look ahead without taking any."""
        return Rotation(dict(self._credit))


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
