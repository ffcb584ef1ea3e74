"""The state that choosing needs: the pools of the current snapshot, their turns, and who is resting."""

from __future__ import annotations

from gateway.openai.operations import Operation
from gateway.registry.snapshot import Snapshot
from gateway.registry.tenants import Tenant
from gateway.routing.cooldown import Cooldowns
from gateway.routing.eligibility import Directory
from gateway.routing.plan import Plan
from gateway.routing.selection import Rotation


class Router:
    """Makes the plan of each call. One for each process."""

    def __init__(self, cooldowns: Cooldowns, max_attempts: int) -> None:
        self._cooldowns = cooldowns
        self._max_attempts = max_attempts
        self._rotations: dict[tuple[str, str], Rotation] = {}
        self.snapshot = Snapshot()
        self._directory = Directory(self.snapshot)

    def swap(self, snapshot: Snapshot) -> None:
        """Serve from a new snapshot. Turns go on where they were; a changed deployment starts without a rest."""
        kept = {each.id: each for each in snapshot.deployments}
        self._cooldowns.forget([each.id for each in self.snapshot.deployments if kept.get(each.id) != each])
        self.snapshot = snapshot
        self._directory = Directory(snapshot)
        self._rotations = {key: self._rotations.get(key) or Rotation() for key in self._directory.pool_keys()}

    def plan(self, operation: Operation, model: str | None, tenant: Tenant) -> Plan:
        """The plan of one call; raises what Directory.candidates raises."""
        pool = self._directory.candidates(operation, model, tenant)
        return Plan(pool, self._rotations[pool.key], self._cooldowns, self._max_attempts)
