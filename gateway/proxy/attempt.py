"""One try at one deployment, up to the point where its answer could begin."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from gateway.openai import sse
from gateway.openai.operations import Operation
from gateway.proxy.alarm import Alarm, Alarms
from gateway.registry.deployments import Deployment
from gateway.routing.cooldown import told_wait
from gateway.routing.outcome import Kind, Outcome, judge
from gateway.upstream.identity import IdentityUnavailable
from gateway.upstream.session import ConnectionFailed, UpstreamAnswer, UpstreamSession
from gateway.upstream.target import Call, Targets

# A body up to this size is read whole before the caller's answer begins, so that a cut in it can still fail over.
HELD_BYTES = 1024 * 1024
# An upstream that fails after opening its stream and before any content mostly does so in the same breath.
OPENING_SECONDS = 0.004
_SERVED = Outcome(Kind.SERVED, 200)


class Answer(msgspec.Struct):
    """An upstream's answer, ready to be relayed.

    held: what was read of its body already. rest: where the rest comes from; None when `held` is all of it.
    is_stream: whether the body is an event stream that was inspected. asked_usage: whether the upstream was asked to
    tell in it what was used, which the caller did not ask for.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    held: bytes
    rest: UpstreamAnswer | None
    is_stream: bool
    asked_usage: bool = False

    def header(self, name: bytes) -> bytes:
        """A header's value, by its name in lower case; b"" when it is missing."""
        return next((value for each, value in self.headers if each.lower() == name), b"")

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON in plain bytes."""
        encoded = self.header(b"content-encoding") not in (b"", b"identity")
        return self.header(b"content-type").startswith(b"application/json") and not encoded

    def close(self) -> None:
        """Let go of the upstream's connection."""
        if self.rest is not None:
            self.rest.close()


class Attempt(msgspec.Struct, frozen=True):
    """What one try brought: its outcome, an answer if there is one, and for the log what went wrong."""

    outcome: Outcome
    answer: Answer | None = None
    reason: str = ""


class Attempter:
    """Tries a call at a deployment. alarms: those of its event loop, one of which each try needs."""

    def __init__(self, session: UpstreamSession, targets: Targets) -> None:
        self.alarms = Alarms()
        self._session = session
        self._targets = targets
        self._without_stream_options: set[str] = set()

    def forget(self) -> None:
        """The registry changed: what a deployment does not take may be taken now."""
        self._without_stream_options.clear()

    async def attempt(self, call: Call, deployment: Deployment, seconds: float, alarm: Alarm) -> Attempt:
        """Send the call and read as much as it takes to tell success from failure, in `seconds` at most.

        Failures are values. Only cancellation is raised; it closes the upstream's connection. alarm: the task's.
        """
        try:
            with alarm.within(seconds):
                if call.asking_usage is not None and self._may_ask_usage(call, deployment):
                    return await self._ask_usage(call, call.asking_usage, deployment)
                return await self._send(call, deployment)
        except TimeoutError:
            return Attempt(Outcome(Kind.TIMED_OUT), reason=f"no answer in {seconds:.0f} s")
        except ConnectionFailed as error:
            return Attempt(Outcome(Kind.UNREACHABLE), reason=str(error))
        except IdentityUnavailable as error:
            return Attempt(Outcome(Kind.MISCONFIGURED), reason=str(error))

    async def _ask_usage(self, call: Call, asking: bytes, deployment: Deployment) -> Attempt:
        attempt = await self._send(replace(call, body=asking), deployment)
        if attempt.answer is None:
            return attempt
        if not _refuses_stream_options(attempt.answer):
            attempt.answer.asked_usage = True
            return attempt
        # What was added is what it does not take: the caller's own words are another matter.
        attempt.answer.close()
        self._without_stream_options.add(deployment.id)
        return await self._send(call, deployment)

    def _may_ask_usage(self, call: Call, deployment: Deployment) -> bool:
        known = self._targets.knows_stream_options(deployment, call)
        return known and deployment.id not in self._without_stream_options

    async def _send(self, call: Call, deployment: Deployment) -> Attempt:
        lines = self._targets.known_lines(deployment, call) or await self._targets.own_lines(deployment, call)
        url, body = self._targets.url(deployment, call), self._targets.body(deployment, call)
        upstream = await self._session.send(call.method, url, call.headers + lines, body)
        return _served_whole(upstream) or await _begin(upstream, call)


def _refuses_stream_options(answer: Answer) -> bool:
    return answer.status in (400, 422) and (b"stream_options" in answer.held or b"include_usage" in answer.held)


def _served_whole(upstream: UpstreamAnswer) -> Attempt | None:
    """The attempt, where it is nearly every one: served, by JSON that is here whole. `_begin` would say the same."""
    if upstream.status != 200 or not upstream.delimited or _is_encoded(upstream):
        return None
    if not upstream.header(b"content-type").startswith(b"application/json"):
        return None
    body = upstream.whole()
    if body is None:
        return None
    upstream.close()
    return Attempt(_SERVED, Answer(200, upstream.headers, body, None, is_stream=False))


async def _begin(upstream: UpstreamAnswer, call: Call) -> Attempt:
    """Read an answer's beginning; closes the upstream unless the answer still needs it."""
    answer = None
    try:
        kind = judge(upstream.status, about_a_thing=call.names_thing)
        served = kind is Kind.SERVED
        content_type = b"" if _is_encoded(upstream) else upstream.header(b"content-type")
        if served and content_type.startswith(b"text/event-stream"):
            failed, answer = await _begin_events(upstream, call.operation)
            return Attempt(Outcome(Kind.FAILED if failed else kind, upstream.status), answer, "an error in band")
        # JSON is an answer when it is whole; anything else, sound or a file, is passed on as it comes.
        is_json = content_type.startswith(b"application/json")
        held = (None if call.operation.id_prefixes else HELD_BYTES) if is_json or not served else 0
        whole = upstream.whole() if held != 0 else None
        if whole is not None:
            answer = Answer(upstream.status, upstream.headers, whole, None, is_stream=False)
        else:
            answer = await _begin_body(upstream, held)
        if is_json and served and answer.rest is None and not _is_whole(upstream, answer.held):
            raise ConnectionFailed("the connection closed in the middle of the answer")
        wait = told_wait(_lower(upstream.headers), upstream.status, time.time()) if upstream.status >= 400 else None
        return Attempt(Outcome(kind, upstream.status, wait), answer, f"status {upstream.status}")
    finally:
        if answer is None or answer.rest is None:
            upstream.close()


def _lower(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _is_encoded(upstream: UpstreamAnswer) -> bool:
    return upstream.header(b"content-encoding") not in (b"", b"identity")


def _is_whole(upstream: UpstreamAnswer, body: bytes) -> bool:
    """Whether JSON was not cut off; where a cut looks like an end, its own form must tell them apart."""
    if upstream.delimited or upstream.status == 204:
        return True
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


async def _begin_body(upstream: UpstreamAnswer, held: int | None) -> Answer:
    """Hold a body back until it is whole, or longer than `held` bytes; None: however long it is."""
    parts: list[bytes] = []
    size = 0
    while held is None or size <= held:
        chunk = await upstream.chunk()
        if not chunk:
            return Answer(upstream.status, upstream.headers, b"".join(parts), None, is_stream=False)
        parts.append(chunk)
        size += len(chunk)
    return Answer(upstream.status, upstream.headers, b"".join(parts), upstream, is_stream=False)


async def _soon(upstream: UpstreamAnswer) -> bytes:
    async with asyncio.timeout(OPENING_SECONDS):
        return await upstream.chunk()


async def _begin_events(upstream: UpstreamAnswer, operation: Operation) -> tuple[bool, Answer]:
    """Hold an event stream back until it shows content or an error; whether it is an error.

    What opens a stream comes before any content, so it is held too, but never long enough to be missed.
    """
    held = b""
    seen = 0
    opened = False
    while True:
        try:
            chunk = await (_soon(upstream) if opened else upstream.chunk())
        except TimeoutError:
            return False, Answer(upstream.status, upstream.headers, held, upstream, is_stream=True)
        if not chunk:
            if operation.stream_end and not upstream.delimited and not sse.is_over(held[seen:], operation.stream_end):
                raise ConnectionFailed("the connection closed before the stream began")
            return False, Answer(upstream.status, upstream.headers, held, None, is_stream=True)
        held += chunk
        end = sse.complete(held)
        for event in sse.events(held[seen:end]):
            kind = sse.kind(event)
            if kind is sse.Kind.ERROR:
                return True, Answer(upstream.status, upstream.headers, held[:end], None, is_stream=True)
            if kind is sse.Kind.CONTENT:
                return False, Answer(upstream.status, upstream.headers, held, upstream, is_stream=True)
            opened = opened or kind is sse.Kind.OPENING
        seen = end
