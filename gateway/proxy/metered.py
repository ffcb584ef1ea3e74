"""What one call used: read while its answer passes, settled with its reservation and recorded when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType

from gateway.asgi import CallerGone
from gateway.errors import GatewayError
from gateway.limits.accounts import Amounts
from gateway.metering.prices import cost
from gateway.metering.records import CallRecord
from gateway.openai.frame_usage import FrameUsage
from gateway.openai.long_usage import LongUsage
from gateway.openai.native import counts_only
from gateway.openai.operations import Action
from gateway.openai.stream_usage import StreamUsage
from gateway.openai.tokens import Tokens
from gateway.openai.told_model import told_model
from gateway.openai.usage import spoken_characters, tokens_of
from gateway.proxy.admission import Admitted
from gateway.proxy.attempt import Answer
from gateway.proxy.reading import Asked
from gateway.registry.deployments import Deployment
from gateway.registry.snapshot import Caller
from gateway.routing.eligibility import Pool
from gateway.usage.pricer import Pricer
from gateway.usage.recorder import Recorder

# As nginx logs it: the caller closed the connection before the answer's end.
CALLER_LEFT = 499
BROKE_OFF = 0
FAILURES = frozenset({408, 429, *range(500, 600)})
BYTES_A_TOKEN = 4
NOTHING = Tokens()
UNSPENT = Amounts()


class Meter:
    """Makes the meter of each call. One for each process."""

    def __init__(self, recorder: Recorder, pricer: Pricer, utc_now: Callable[[], datetime]) -> None:
        self._recorder = recorder
        self._pricer = pricer
        self._utc_now = utc_now

    def metering(self, caller: Caller, asked: Asked, action: Action, request_id: bytes) -> Metered:
        """The meter of a call that was read just now."""
        return Metered(self._recorder, self._pricer, self._utc_now(), caller, asked, action, request_id)


class Metered:
    """One call on its way: entered once it is read, and recorded when it is left, however that happens."""

    __slots__ = (
        *("_admitted", "_answer", "_asked", "_asks", "_at", "_attempts", "_caller", "_deployment", "_endpoint"),
        *("_first_byte", "_pricer", "_reader", "_recorder", "_request_id", "_status"),
    )

    def __init__(
        self,
        recorder: Recorder,
        pricer: Pricer,
        at: datetime,
        caller: Caller,
        asked: Asked,
        action: Action,
        request_id: bytes,
    ) -> None:
        self._recorder = recorder
        self._pricer = pricer
        self._at = at
        self._caller = caller
        self._asked = asked
        self._request_id = request_id
        # Reading a response again tells the usage of its making again, and that was recorded then.
        self._asks = action.body != "none" and not counts_only(asked.call.path)
        self._status = BROKE_OFF
        self._first_byte: float | None = None
        self._deployment: Deployment | None = None
        self._endpoint: str | None = None
        self._admitted: Admitted | None = None
        self._attempts = 0
        self._answer: Answer | None = None
        self._reader: StreamUsage | FrameUsage | LongUsage | None = None

    def __enter__(self) -> Metered:
        return self

    def goes_to(self, pool: Pool) -> None:
        """The call has candidates."""
        self._endpoint = pool.key[1] if pool.is_endpoint else None

    def admitted(self, admitted: Admitted | None) -> None:
        """The call may go: what was taken of limits for it, if there are any."""
        self._admitted = admitted

    def sent(self, deployment: Deployment) -> None:
        """An attempt is made at a deployment."""
        self._attempts += 1
        self._deployment = deployment

    def answered(self, answer: Answer, deployment: Deployment) -> None:
        """This answer of this deployment is passed on from now on."""
        self._first_byte = time.perf_counter()
        self._answer, self._deployment, self._status = answer, deployment, answer.status
        if answer.status < 400 and self._asks:
            self._reader = _reader(answer, self._asked.call.operation.name)

    @property
    def see(self) -> Callable[[bytes], None] | None:
        """What is to be shown an answer that was not held whole as it passes: whole events, else bytes as they come."""
        return self._reader.feed if self._reader is not None else None

    def broke_off(self) -> None:
        """The upstream did not bring the answer to its end."""
        self._status = BROKE_OFF

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, GatewayError):
            self._status = error.status
        elif error is not None:
            self._status = CALLER_LEFT if not isinstance(error, Exception) or isinstance(error, CallerGone) else 500
        tokens, measured = self._used()
        known_as = self._known_as()
        if self._admitted is not None:
            self._admitted.reservation.settle(self._spent(tokens, known_as))
        asked, deployment = self._asked, self._deployment
        self._recorder.record(
            # By their places: by its name each of so many fields is searched for, which takes nine times as long.
            CallRecord(
                self._request_id.decode(),
                self._at,
                self._caller.tenant.identity,
                self._caller.tenant.id,
                self._caller.key.id,
                asked.call.operation.name,
                asked.model,
                deployment.id if deployment is not None else None,
                deployment.provider if deployment is not None else None,
                deployment.deployment_name if deployment is not None else None,
                self._admitted.model_id if self._admitted is not None else None,
                self._endpoint,
                self._status,
                self._attempts,
                self._answer is not None and self._answer.is_stream,
                (time.perf_counter() - asked.arrived) * 1000,
                None if self._first_byte is None else (self._first_byte - asked.arrived) * 1000,
                tokens,
                measured,
                known_as,
            )
        )

    def _used(self) -> tuple[Tokens, bool]:
        """What the call used, and whether the upstream said so."""
        answer = self._answer
        if not self._asks or not self._attempts or (answer is not None and answer.status >= 400):
            return NOTHING, True
        if answer is None:
            # A caller that left while an upstream worked for it: what that has read is spent.
            left = self._status == CALLER_LEFT
            return (Tokens(input=self._asked.input_tokens), False) if left else (NOTHING, True)
        operation, body, heard = self._asked.call.operation.name, self._asked.call.body, self._asked.input_tokens
        reader = self._reader
        told = reader.tokens if reader is not None else tokens_of(operation, answer.held, answer.headers)
        if told is not None:
            return told, True
        if operation == "audio_speech" and isinstance(body, bytes):
            return Tokens(characters=spoken_characters(body)), True
        if reader is None:
            return Tokens(input=heard, output=len(answer.held) // BYTES_A_TOKEN if answer.is_json else 0), False
        return Tokens(input=heard) if isinstance(reader, LongUsage) else reader.estimated(heard), False

    def _known_as(self) -> tuple[str, ...]:
        """What the catalog may know the answering model by: what the deployment is called, what the answer says."""
        deployment = self._deployment
        if deployment is None:
            return ()
        name = deployment.deployment_name
        if self._pricer.is_sure(deployment.provider, name):
            return (name,)
        told = told_model(self._answer.held) if self._answer is not None else None
        return (name, *deployment.models) if told is None else (name, told, *deployment.models)

    def _spent(self, tokens: Tokens, known_as: tuple[str, ...]) -> Amounts:
        """What the limits are charged. A call that failed for no fault of the caller's is given back whole."""
        failed = self._status != CALLER_LEFT if self._answer is None else self._answer.status in FAILURES
        if failed:
            return UNSPENT
        price: int | None = 0
        if self._admitted is not None and self._admitted.counts_cost and self._deployment is not None:
            priced = self._pricer.known(self._deployment.provider, known_as)
            price = cost(tokens, priced.prices) if priced is not None and priced.prices is not None else None
        return Amounts(1, tokens.total, price or 0)


def _reader(answer: Answer, operation: str) -> StreamUsage | FrameUsage | LongUsage | None:
    """What finds the usage in an answer while it passes; None for one that is held whole."""
    if answer.is_stream:
        return StreamUsage(operation)
    if answer.rest is None:
        return None
    if answer.header(b"content-type").startswith(b"application/vnd.amazon.eventstream"):
        return FrameUsage()
    return LongUsage(operation)
