"""An operator's test of one deployment: the cheapest real call to it."""

from __future__ import annotations

import json
import time
from contextlib import closing

from gateway.openai.operations import BY_NAME
from gateway.proxy.attempt import Attempter
from gateway.registry.deployments import Deployment
from gateway.routing.outcome import Kind
from gateway.upstream.target import Call

PROBE_SECONDS = 30.0


async def probe(attempter: Attempter, deployment: Deployment) -> tuple[int | None, float | None, str | None]:
    """Send the cheapest call of the deployment's first operation: status, latency in ms, and what went wrong.

    Touches no turn and no cool-down. The text of an error is the upstream's own message, or what the connection said.
    Operations whose every call uploads something, or leaves something behind, have no cheap call: then it is said so.
    """
    operation = next((BY_NAME[name] for name in deployment.operations if BY_NAME[name].probe is not None), None)
    if operation is None:
        return None, None, f"no cheap call exists for {', '.join(deployment.operations)}; nothing was sent"
    call = Call(
        operation=operation,
        method="POST",
        path=operation.path,
        query="",
        body=json.dumps(operation.probe).encode(),
        headers=b"content-type: application/json\r\n",
        api_version=None,
    )
    started = time.perf_counter()
    with closing(attempter.alarms.new()) as alarm:
        attempt = await attempter.attempt(call, deployment, PROBE_SECONDS, alarm)
    latency_ms = (time.perf_counter() - started) * 1000
    status = attempt.outcome.status
    if attempt.answer is not None:
        attempt.answer.close()
    if attempt.outcome.kind is Kind.SERVED:
        return status, latency_ms, None
    said = _said(attempt.answer.held) if attempt.answer is not None else None
    return status, latency_ms, said or attempt.reason


def _said(body: bytes) -> str | None:
    """The message of an upstream's error body, if it has the usual shape."""
    try:
        return str(json.loads(body)["error"]["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return None
