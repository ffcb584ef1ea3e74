"""One request's path: authenticate, read the call, plan the attempts, take the first good answer, relay it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.asgi import Headers, Receive, Scope, Send
from gateway.errors import retry_headers
from gateway.openai.collection import Keeping
from gateway.openai.operations import Operation
from gateway.openai.routes import Route
from gateway.openai.stream_options import withhold
from gateway.openai.thing_ids import ThingIds, UnknownThing, tag
from gateway.proxy.admission import Admission, default_model
from gateway.proxy.alarm import Alarm
from gateway.proxy.attempt import Answer, Attempt, Attempter
from gateway.proxy.authenticate import authenticate
from gateway.proxy.collections import Keeper
from gateway.proxy.departure import CallerWatch
from gateway.proxy.endpoints import EndpointWatch
from gateway.proxy.head import Head, head_of, read_head, unknown_thing
from gateway.proxy.listing import Things
from gateway.proxy.metered import Meter, Metered
from gateway.proxy.reading import Asked, completed, read_request
from gateway.proxy.relay import Patience, Relayed, relay
from gateway.registry.deployments import Deployment
from gateway.registry.snapshot import Caller
from gateway.routing.outcome import Kind, Outcome
from gateway.routing.plan import Plan
from gateway.routing.router import Router
from gateway.settings import Settings

log = logging.getLogger("gateway.proxy")

# Added to a told wait, so that callers who were refused together do not come back together.
JITTER_SECONDS = 0.5

_OWN_LINES = (
    b"x-request-id: %b\r\nx-gateway-deployment: %b\r\nx-gateway-attempts: %d\r\nx-gateway-overhead-ms: %.2f\r\n"
)


class Found(msgspec.Struct):
    """The answer that a call gets, where it came from, and how long upstreams took for it (seconds)."""

    answer: Answer
    deployment: Deployment
    attempts: int
    upstream_seconds: float


class Incoming(msgspec.Struct, frozen=True):
    """One call as it came: what was read of it, what is to be kept of its answer, its request's id."""

    head: Head
    asked: Asked
    keeping: Keeping | None
    request_id: bytes


class DataPlane:
    """Serves the calls of the OpenAI API and of the native ones."""

    def __init__(
        self,
        router: Router,
        attempter: Attempter,
        admission: Admission,
        meter: Meter,
        endpoints: EndpointWatch,
        things: Things,
        keeper: Keeper,
        settings: Settings,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._router = router
        self._attempter = attempter
        self._admission = admission
        self._meter = meter
        self._endpoints = endpoints
        self._things = things
        self._keeper = keeper
        self._settings = settings
        self._patience = Patience(settings.keepalive_seconds, settings.stream_idle_seconds)
        self._utc_now = utc_now

    def authenticate(self, scope: Scope) -> Caller:
        """The caller of a request; raises InvalidApiKey or PermissionDenied."""
        return authenticate(scope["headers"], self._router.snapshot, self._utc_now)

    def serve(
        self, scope: Scope, receive: Receive, send: Send, route: Route, request_id: bytes
    ) -> Coroutine[Any, Any, None]:
        """Answer one call. Raises GatewayError while no byte of the answer was sent, CallerGone when nobody waits."""
        head = read_head(scope, route, self._router.snapshot, self._utc_now)
        return self._serve(head, receive, send, request_id)

    def serve_caller(
        self, caller: Caller, scope: Scope, receive: Receive, send: Send, route: Route, request_id: bytes
    ) -> Coroutine[Any, Any, None]:
        """The same for a caller who is known already."""
        return self._serve(head_of(scope, route, caller, self._router.snapshot.id_secret), receive, send, request_id)

    async def _serve(self, head: Head, receive: Receive, send: Send, request_id: bytes) -> None:
        caller, action = head.caller, head.action
        asked = await read_request(head, receive, self._settings.max_body_bytes)
        asked, keeping = self._take_collection(asked)
        default = default_model(caller.models, head.route.operation) if asked.model is None else None
        asked = completed(asked, default, caller.tenant.max_token_cap)
        incoming = Incoming(head, asked, keeping, request_id)
        try:
            with self._meter.metering(caller, asked, action, request_id) as metered:
                if action.lists:
                    own = [(b"x-request-id", request_id)]
                    await self._things.list(caller.tenant.identity, head.ids, asked.call, send, own)
                else:
                    await self._pass_on(incoming, metered, receive, send)
        finally:
            asked.close()

    async def _pass_on(self, incoming: Incoming, metered: Metered, receive: Receive, send: Send) -> None:
        head, asked, operation = incoming.head, incoming.asked, incoming.head.route.operation
        plan = self._plan(asked, head.caller)
        metered.goes_to(plan.pool)
        admitted = await self._admission.admit(head.caller, asked, plan.pool)
        metered.admitted(admitted)
        alarm = self._attempter.alarms.new()
        with self._endpoints.watching(plan.pool) as watched:
            with CallerWatch(receive, alarm) as watch:
                found = await self._first_good_answer(plan, asked, metered, alarm)
                watched.answered(found.answer.status)
                try:
                    if incoming.keeping is not None:
                        tenant = head.caller.tenant.identity
                        await self._keeper.keep(tenant, incoming.keeping, asked.model, found.answer)
                finally:
                    metered.answered(found.answer, found.deployment)
                limits = admitted.reservation.lines() if admitted is not None else b""
                elapsed = time.perf_counter() - asked.arrived
                relayed = Relayed(
                    operation,
                    _own_lines(found, incoming.request_id, elapsed) + limits,
                    _edit(operation, head.ids, found),
                    metered.see,
                    limits=bool(limits),
                )
                whole = await relay(found.answer, relayed, send, self._patience, watch)
            if not whole:
                watched.answered(0)
                metered.broke_off()
                self._interrupted(plan, found.deployment, operation)
        self._note_things(incoming, found.answer, relayed)

    def _take_collection(self, asked: Asked) -> tuple[Asked, Keeping | None]:
        """The call as the upstream may see it, and what is to be kept of its answer, if anything."""
        if not isinstance(asked.call.body, bytes):
            return asked, None
        body, keeping = self._keeper.take(asked.call.operation, asked.call.body)
        return (replace(asked, call=replace(asked.call, body=body)), keeping) if keeping is not None else (asked, None)

    def _plan(self, asked: Asked, caller: Caller) -> Plan:
        operation = asked.call.operation
        if asked.home is None:
            return self._router.plan(operation, asked.model, caller.tenant, asked.tokens, asked.affinity)
        try:
            return self._router.plan_at(asked.home, operation, asked.tokens)
        except UnknownThing:
            raise unknown_thing(asked.call.path) from None

    async def _first_good_answer(self, plan: Plan, asked: Asked, metered: Metered, alarm: Alarm) -> Found:
        """Try deployment after deployment; the last real answer of an upstream if none is good."""
        last: Found | None = None
        upstream_seconds = 0.0
        try:
            while (deployment := plan.next()) is not None:
                left = self._settings.deadline_seconds - (time.perf_counter() - asked.arrived)
                if left <= 0:
                    break
                seconds = left if plan.last_chance else min(left, self._settings.attempt_seconds)
                sent = time.perf_counter()
                plan.take(deployment)
                metered.sent(deployment)
                attempt = await self._attempter.attempt(asked.call, deployment, seconds, alarm)
                upstream_seconds += time.perf_counter() - sent
                plan.record(deployment, attempt.outcome)
                if attempt.outcome.kind is not Kind.SERVED:
                    _tell(deployment, attempt)
                if attempt.answer is not None and attempt.outcome.kind.relayable:
                    if last is not None:
                        last.answer.close()
                    last = Found(attempt.answer, deployment, plan.attempts, upstream_seconds)
                elif attempt.answer is not None:
                    attempt.answer.close()
                if attempt.outcome.kind.final:
                    break
        except BaseException:
            if last is not None:
                last.answer.close()
            raise
        if last is None:
            raise plan.exhausted(_jitter)
        last.attempts, last.upstream_seconds = plan.attempts, upstream_seconds
        if last.answer.status == 429:
            last.answer.headers = _with_true_wait(last.answer.headers, plan.soonest())
        return last

    def _note_things(self, incoming: Incoming, answer: Answer, relayed: Relayed) -> None:
        """Lists show what a tenant made, so what it makes and deletes is noted."""
        head, operation = incoming.head, incoming.head.route.operation
        if not operation.id_prefixes or not 200 <= answer.status < 300:
            return
        if not any(each.lists for each in operation.actions):
            return
        tenant = head.caller.tenant.identity
        if head.action is operation.actions[0] and relayed.edit is not None:
            self._things.made(tenant, operation, relayed.edit(answer.held))
        elif head.action.method == "DELETE" and head.route.id is not None:
            self._things.gone(tenant, operation, head.route.id)

    def _interrupted(self, plan: Plan, deployment: Deployment, operation: Operation) -> None:
        plan.record(deployment, Outcome(Kind.UNREACHABLE))
        log.warning("%s: the stream of a %s call broke off", deployment.id, operation.name)


def _edit(operation: Operation, ids: ThingIds, found: Found) -> Callable[[bytes], bytes] | None:
    """What is done to an answer on its way: the gateway's own ids put in, or the usage taken out that only the gateway
    asked for; None for most calls."""
    if operation.id_prefixes:
        return ids.to_caller(operation.id_prefixes, tag(found.deployment.id))
    return withhold if found.answer.asked_usage and found.answer.is_stream else None


def _tell(deployment: Deployment, attempt: Attempt) -> None:
    """Log a failure of the pool's, by the deployment's name; a caller's own mistake is not news."""
    if attempt.outcome.kind is Kind.MISCONFIGURED:
        log.error("%s: misconfigured upstream (%s); check its key, address and name", deployment.id, attempt.reason)
    elif attempt.outcome.kind is not Kind.REFUSED:
        log.warning("%s: %s (%s)", deployment.id, attempt.outcome.kind.name.lower(), attempt.reason)


def _with_true_wait(headers: Headers, soonest: float | None) -> Headers:
    """When the whole pool rests, the caller is told when the first is back, not when the last one tried is."""
    if soonest is None:
        return headers
    told = [pair for pair in headers if not pair[0].lower().startswith((b"retry-after", b"x-ms-retry-after"))]
    return told + retry_headers(soonest + _jitter())


def _jitter() -> float:
    return random.uniform(0, JITTER_SECONDS)  # noqa: S311 - no secret depends on it


def _own_lines(found: Found, request_id: bytes, elapsed: float) -> bytes:
    overhead = max(0.0, elapsed - found.upstream_seconds)
    return _OWN_LINES % (request_id, _header_value(found.deployment.friendly_name), found.attempts, overhead * 1000)


# Rows of storage need not have come through the management API, which takes no such names.
@lru_cache(maxsize=4096)
def _header_value(name: str) -> bytes:
    """A name as a header has it; no line break in it ends the line."""
    return name.encode().translate(None, b"\r\n\0")
