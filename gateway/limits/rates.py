"""What a deployment's upstream allows in a minute, respected before it is called."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gateway.registry.deployments import Deployment

MINUTE = 60.0
BYTES_A_TOKEN = 4


def estimated_tokens(body_length: int, most_output: int) -> int:
    """Tokens to reserve for a call: its input by length, since counting would cost more than it saves, and the most
    that its answer may have."""
    return body_length // BYTES_A_TOKEN + most_output


class Rates:
    """Requests and tokens of each deployment in its running minute. State of one process; `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spent: dict[str, tuple[float, int, int]] = {}

    def wait(self, deployment: Deployment, tokens: int) -> float:
        """Seconds until a call of so many tokens may be sent to the deployment; 0 when it may be sent now.

        A call larger than a whole minute's tokens may go when nothing else was sent in that minute, or it never could.
        """
        if deployment.rpm is None and deployment.tpm is None:
            return 0.0
        start, requests, spent = self._window(deployment.id)
        too_many = deployment.rpm is not None and requests >= deployment.rpm
        too_much = deployment.tpm is not None and spent and spent + tokens > deployment.tpm
        return start + MINUTE - self._clock() if too_many or too_much else 0.0

    def take(self, deployment: Deployment, tokens: int) -> None:
        """A call is being sent to the deployment."""
        if deployment.rpm is None and deployment.tpm is None:
            return
        start, requests, spent = self._window(deployment.id)
        self._spent[deployment.id] = start, requests + 1, spent + tokens

    def forget(self, deployment_ids: Collection[str]) -> None:
        """Start afresh with deployments that were changed or removed."""
        for each in deployment_ids:
            self._spent.pop(each, None)

    def _window(self, deployment_id: str) -> tuple[float, int, int]:
        """The running minute: when it began, requests and tokens in it."""
        now = self._clock()
        window = self._spent.get(deployment_id)
        return window if window is not None and now - window[0] < MINUTE else (now, 0, 0)
