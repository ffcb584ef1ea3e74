"""The plan of one call: which deployment comes next, and what is left to tell the caller when none does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from gateway.errors import AllCooling, GatewayError, UpstreamMisconfigured, UpstreamTimeout, UpstreamUnreachable
from gateway.limits.rates import Rates
from gateway.registry.deployments import Deployment
from gateway.routing.cooldown import Cooldowns
from gateway.routing.eligibility import Pool
from gateway.routing.outcome import Kind, Outcome
from gateway.routing.selection import Rotation, steady


class Plan:
    """Owns the retry state of one call. Ask `next()` for a deployment, tell `record()` what became of it.

    most_attempts: so many deployments may be tried. tokens: the call's. affinity: the key it shares with its likes.
    """

    __slots__ = (
        *("_affinity", "_alone", "_cooldowns", "_most", "_outcomes", "_rates", "_rotation", "_tokens", "_tried"),
        "pool",
    )

    def __init__(
        self,
        pool: Pool,
        rotation: Rotation,
        cooldowns: Cooldowns,
        rates: Rates,
        most_attempts: int,
        tokens: int = 0,
        affinity: str | None = None,
    ) -> None:
        self.pool = pool
        self._rotation = rotation
        self._cooldowns = cooldowns
        self._rates = rates
        self._tokens = tokens
        self._affinity = affinity if pool.prompt_affinity else None
        self._most = min(most_attempts, pool.size)
        self._alone = pool.size == 1
        self._tried: set[str] = set()
        self._outcomes: list[Outcome] = []

    @property
    def attempts(self) -> int:
        """How many deployments were tried."""
        return len(self._tried)

    def next(self) -> Deployment | None:
        """The deployment to try now; None when all were tried, all others rest, or enough were tried."""
        if len(self._tried) >= self._most:
            return None
        for tier in self.pool.tiers:
            chosen = self._steady(tier) if self._affinity else self._rotation.next(tier, self._may_try)
            if chosen is not None:
                self._tried.add(chosen.id)
                return chosen
        return None

    def _steady(self, tier: Sequence[Deployment]) -> Deployment | None:
        available = [each for each in tier if self._may_try(each)]
        return steady(self._affinity or "", available) if available else None

    @property
    def last_chance(self) -> bool:
        """Whether no other deployment could be tried after this one."""
        if len(self._tried) < self._most:
            for tier in self.pool.tiers:
                for each in tier:
                    if self._may_try(each):
                        return False
        return True

    def _may_try(self, deployment: Deployment) -> bool:
        return deployment.id not in self._tried and not self.wait(deployment)

    def wait(self, deployment: Deployment) -> float:
        """Seconds until the deployment may be called: it rests, or its minute is spent. 0 when it may be called now."""
        resting = self._cooldowns.remaining(deployment.id)
        if deployment.rpm is None and deployment.tpm is None:
            return resting
        return max(resting, self._rates.wait(deployment, self._tokens))

    def resting(self, deployment: Deployment) -> Outcome | None:
        """The outcome for which the deployment rests; None when it does not."""
        return self._cooldowns.reason(deployment.id)

    def take(self, deployment: Deployment) -> None:
        """The call is being sent to this deployment."""
        self._rates.take(deployment, self._tokens)

    def record(self, deployment: Deployment, outcome: Outcome) -> None:
        """Take note of an attempt's end."""
        self._outcomes.append(outcome)
        self._cooldowns.record(deployment.id, outcome, alone=self._alone)

    def soonest(self) -> float | None:
        """Seconds until the first candidate may be called again; None when one may be called now."""
        waits = [self.wait(each) for tier in self.pool.tiers for each in tier]
        return None if not all(waits) else min(waits)

    def exhausted(self, jitter: Callable[[], float]) -> GatewayError:
        """What to tell the caller when no upstream answer is fit to be shown.

        jitter: seconds to add to a told wait, so that callers do not come back all at once; never negative.
        """
        wait = self.soonest()
        retry_after = None if wait is None else wait + jitter()
        reasons: Sequence[Outcome | None] = self._outcomes or self._resting()
        kinds = {reason.kind if reason is not None else None for reason in reasons}
        if not self._outcomes and kinds != {Kind.MISCONFIGURED}:
            return AllCooling(
                "Every deployment that could serve this call is cooling down or has spent its minute. "
                "Retry after the time given.",
                retry_after=retry_after,
            )
        if Kind.MISCONFIGURED in kinds:
            return _misconfigured({reason.status for reason in reasons if reason is not None}, retry_after)
        if Kind.TIMED_OUT in kinds:
            return UpstreamTimeout("The upstream did not answer in time.", retry_after=retry_after)
        return UpstreamUnreachable("No upstream could be reached.", retry_after=retry_after)

    def _resting(self) -> list[Outcome | None]:
        """Why each candidate can't be called; None stands for a spent minute."""
        return [self._cooldowns.reason(each.id) for tier in self.pool.tiers for each in tier]


def _misconfigured(statuses: Collection[int | None], retry_after: float | None) -> UpstreamMisconfigured:
    """What is wrong with the pool, as far as the caller may know; the log names the deployment."""
    code, what = "upstream_authentication_failed", "refused the gateway's credential"
    if 404 in statuses:
        code, what = "upstream_deployment_not_found", "does not know the deployment it was asked for"
    elif any(status is not None and 300 <= status < 400 for status in statuses):
        code, what = "upstream_redirects", "is not at the registered address"
    return UpstreamMisconfigured(
        f"The upstream {what}. The operator must correct it.", code=code, retry_after=retry_after
    )
