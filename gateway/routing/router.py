"""The state that choosing needs: the pools of the current snapshot, their turns, and who can't be called now."""

from __future__ import annotations

from gateway.limits.rates import Rates
from gateway.openai.operations import Operation
from gateway.openai.thing_ids import UnknownThing
from gateway.registry.snapshot import Snapshot
from gateway.registry.tenants import Tenant
from gateway.routing.cooldown import Cooldowns
from gateway.routing.eligibility import Directory, Pool
from gateway.routing.plan import Plan
from gateway.routing.selection import Rotation


class Router:
    """Makes the plan of each call. One for each process."""

    def __init__(self, cooldowns: Cooldowns, rates: Rates, most_attempts: int) -> None:
        self._cooldowns = cooldowns
        self._rates = rates
        self._most_attempts = most_attempts
        self._rotations: dict[tuple[str, str], Rotation] = {}
        self.snapshot = Snapshot()
        self._directory = Directory(self.snapshot)

    def swap(self, snapshot: Snapshot) -> None:
        """Serve from a new snapshot. Turns go on where they were; a changed deployment starts without a rest."""
        kept = {each.id: each for each in snapshot.deployments}
        changed = [each.id for each in self.snapshot.deployments if kept.get(each.id) != each]
        self._cooldowns.forget(changed)
        self._rates.forget(changed)
        self.snapshot = snapshot
        self._directory = Directory(snapshot)
        self._rotations = {key: self._rotations.get(key) or Rotation() for key in self._directory.pool_keys()}
        for rotation in self._rotations.values():
            rotation.forget(kept)

    def plan(
        self, operation: Operation, model: str | None, tenant: Tenant, tokens: int = 0, affinity: str | None = None
    ) -> Plan:
        """The plan of one call; raises what Directory.candidates raises."""
        pool = self._directory.candidates(operation, model, tenant)
        return self._plan(pool, self._rotations[pool.key], tokens, affinity)

    def plan_at(self, home: str, operation: Operation, tokens: int = 0) -> Plan:
        """The plan of a call about a thing that lives at one deployment; raises UnknownThing when that is gone."""
        pool = self._directory.home(home, operation)
        if pool is None:
            raise UnknownThing(home)
        return self._plan(pool, Rotation(), tokens, None)

    def foresee(
        self, operation: Operation, model: str | None, tenant: Tenant, tokens: int = 0, affinity: str | None = None
    ) -> Plan:
        """The plan that a call would get now, on a copy of the turns: asking it changes nothing."""
        pool = self._directory.candidates(operation, model, tenant)
        return self._plan(pool, self._rotations[pool.key].copy(), tokens, affinity)

    def _plan(self, pool: Pool, rotation: Rotation, tokens: int, affinity: str | None) -> Plan:
        return Plan(pool, rotation, self._cooldowns, self._rates, self._most_attempts, tokens, affinity)
