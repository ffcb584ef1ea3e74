"""Smooth weighted round robin: the order in which a tier's deployments take their turns."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.registry.deployments import Deployment


class Rotation:
    """Turns of one pool (nginx's smooth weighted round robin).

    Each turn every available deployment gains its weight, the richest is chosen and pays the sum of the weights. Equal
    weights give strict round robin; 0.7 and 0.3 give exactly 7 and 3 of every 10, spread evenly.
    """

    def __init__(self) -> None:
        self._credit: dict[str, float] = {}

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
