"""One request's path: authenticate, read the call, plan the attempts, take the first good answer, relay it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.asgi import Headers, Receive, Scope, Send
from gateway.errors import MethodNotAllowed, retry_headers
from gateway.openai.operations import Action, Operation
from gateway.openai.routes import Route
from gateway.openai.thing_ids import ThingIds, UnknownThing, tag
from gateway.proxy.attempt import Answer, Attempt, Attempter
from gateway.proxy.authenticate import authenticate
from gateway.proxy.departure import CallerWatch
from gateway.proxy.endpoints import EndpointWatch
from gateway.proxy.listing import Things
from gateway.proxy.reading import Asked, read_request, unknown_thing
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


@dataclass(slots=True)
class Found:
    """The answer that a call gets, where it came from, and how long upstreams took for it (seconds)."""

    answer: Answer
    deployment: Deployment
    attempts: int
    upstream_seconds: float


class DataPlane:
    """Serves the calls of the OpenAI API and of the native ones."""

    def __init__(
        self,
        router: Router,
        attempter: Attempter,
        endpoints: EndpointWatch,
        things: Things,
        settings: Settings,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._router = router
        self._attempter = attempter
        self._endpoints = endpoints
        self._things = things
        self._settings = settings
        self._patience = Patience(settings.keepalive_seconds, settings.stream_idle_seconds)
        self._utc_now = utc_now

    def authenticate(self, scope: Scope) -> Caller:
        """The caller of a request; raises InvalidApiKey or PermissionDenied."""
        return authenticate(scope["headers"], self._router.snapshot, self._utc_now())

    async def serve(self, scope: Scope, receive: Receive, send: Send, route: Route, request_id: bytes) -> None:
        """Answer one call. Raises GatewayError while no byte of the answer was sent, CallerGone when nobody waits."""
        caller = self.authenticate(scope)
        action = route.actions.get(scope["method"])
        if action is None:
            raise MethodNotAllowed(allow=", ".join(sorted(route.actions)))
        ids = ThingIds(self._router.snapshot.id_secret, caller.tenant.identity)
        asked = await read_request(scope, receive, route, action, ids, self._settings.max_body_bytes)
        try:
            if action.lists:
                await self._things.list(caller.tenant.identity, ids, asked.call, send, [(b"x-request-id", request_id)])
                return
            plan = self._plan(asked, caller)
            with self._endpoints.watching(plan.pool) as watched:
                async with CallerWatch(receive, send) as watch:
                    found = await self._first_good_answer(plan, asked)
                    watched.answered(found.answer.status)
                    relayed = Relayed(
                        route.operation,
                        _own_headers(found, request_id, time.perf_counter() - asked.arrived),
                        _issuing(route.operation, ids, found.deployment),
                    )
                    whole = await relay(found.answer, relayed, watch.send, self._patience)
                if not whole:
                    watched.answered(0)
                    self._interrupted(plan, found.deployment, route.operation)
            self._note_things(caller, route, action, found.answer, relayed)
        finally:
            asked.close()

    def _plan(self, asked: Asked, caller: Caller) -> Plan:
        operation = asked.call.operation
        if asked.home is None:
            return self._router.plan(operation, asked.model, caller.tenant, asked.tokens, asked.affinity)
        try:
            return self._router.plan_at(asked.home, operation, asked.tokens)
        except UnknownThing:
            raise unknown_thing(asked.call.path) from None

    async def _first_good_answer(self, plan: Plan, asked: Asked) -> Found:
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
                attempt = await self._attempter.attempt(asked.call, deployment, seconds)
                upstream_seconds += time.perf_counter() - sent
                plan.record(deployment, attempt.outcome)
                if attempt.outcome.kind is not Kind.SERVED:
                    _tell(deployment, attempt)
                if attempt.answer is not None and attempt.outcome.relayable:
                    if last is not None:
                        last.answer.close()
                    last = Found(attempt.answer, deployment, plan.attempts, upstream_seconds)
                elif attempt.answer is not None:
                    attempt.answer.close()
                if attempt.outcome.final:
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

    def _note_things(self, caller: Caller, route: Route, action: Action, answer: Answer, relayed: Relayed) -> None:
        """Lists show what a tenant made, so what it makes and deletes is noted."""
        if not any(each.lists for each in route.operation.actions) or not 200 <= answer.status < 300:
            return
        if action is route.operation.actions[0] and relayed.edit is not None:
            self._things.made(caller.tenant.identity, route.operation, relayed.edit(answer.held))
        elif action.method == "DELETE" and route.id is not None:
            self._things.gone(caller.tenant.identity, route.operation, route.id)

    def _interrupted(self, plan: Plan, deployment: Deployment, operation: Operation) -> None:
        plan.record(deployment, Outcome(Kind.UNREACHABLE))
        log.warning("%s: the stream of a %s call broke off", deployment.id, operation.name)


def _issuing(operation: Operation, ids: ThingIds, deployment: Deployment) -> Callable[[bytes], bytes] | None:
    """What puts the gateway's own ids into an answer about things that live at the deployment; None for other calls."""
    return ids.to_caller(operation.id_prefixes, tag(deployment.id)) if operation.id_prefixes else None


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


def _own_headers(found: Found, request_id: bytes, elapsed: float) -> Headers:
    overhead = max(0.0, elapsed - found.upstream_seconds)
    return [
        (b"x-request-id", request_id),
        (b"x-gateway-deployment", found.deployment.friendly_name.encode()),
        (b"x-gateway-attempts", b"%d" % found.attempts),
        (b"x-gateway-overhead-ms", b"%.2f" % (overhead * 1000)),
    ]
