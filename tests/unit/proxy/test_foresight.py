"""What would become of a call."""

from __future__ import annotations

import json

import pytest

from gateway.errors import InvalidRequest, ModelNotFound, NotFound
from gateway.openai.thing_ids import ThingIds, tag
from gateway.proxy.foresight import foresee
from gateway.routing.outcome import Kind, Outcome
from tests.builders import deployment, tenant
from tests.fakes.upstream import FakeSession
from tests.unit.proxy.plane import Plane

CHAT = "/v1/chat/completions"


@pytest.fixture
def plane():
    return Plane(FakeSession(), deployment("east"), deployment("west"), deployment("only", models=("gpt-4o",)))


def told(plane, path=CHAT, body=b"{}", method="POST", **fields):
    return foresee(plane.router, tenant(**fields), method, path, body)


@pytest.mark.parametrize(
    ("path", "body", "pool", "first"),
    [
        (CHAT, b'{"model":"any"}', "class", "east"),
        (CHAT, b"", "class", "east"),
        (CHAT + "?api-version=x", b'{"model":"gpt-4o"}', "model", "only"),
        ("/openai/deployments/gpt-4o/chat/completions", b"{}", "model", "only"),
    ],
)
def test_a_call_is_foreseen_as_it_would_be_served(plane, path, body, pool, first):
    foreseen = told(plane, path, body)
    assert (foreseen.pool, foreseen.error) == (pool, None)
    assert foreseen.candidates[0].deployment.friendly_name == first
    assert plane.session.sent == []


def test_a_call_that_nothing_would_serve_is_told_its_error(plane):
    foreseen = told(plane, body=b'{"model":"x"}', models=("gpt-4o",))
    assert isinstance(foreseen.error, ModelNotFound)
    assert len(foreseen.candidates) == 3


def test_a_pool_that_rests_is_told_its_wait(plane):
    for name in ("east", "west"):
        plane.cooldowns.record(f"openai-chat/{name}", Outcome(Kind.FAILED, 500), alone=False)
    assert told(plane).error.retry_after == 10


def test_a_call_about_a_thing_goes_home():
    response = {"deployment_class": "openai-responses", "operations": ("response",)}
    plane = Plane(FakeSession(), deployment("a", **response), deployment("b", **response))
    issued = ThingIds(b"secret", tenant().identity).issue("resp_1", tag("openai-responses/b"))
    gone = ThingIds(b"secret", tenant().identity).issue("resp_1", tag("openai-responses/gone"))
    body = json.dumps({"previous_response_id": issued}).encode()
    for foreseen in (told(plane, "/v1/responses", body), told(plane, f"/v1/responses/{issued}", b"", "GET")):
        assert (foreseen.pool, foreseen.candidates[0].deployment.friendly_name) == ("home", "b")
    assert isinstance(told(plane, f"/v1/responses/{gone}", b"", "GET").error, NotFound)
    for path, unknown in (("/v1/responses/resp_1", b""), ("/v1/responses", b'{"previous_response_id":"resp_1"}')):
        assert isinstance(told(plane, path, unknown, "POST" if unknown else "GET").error, NotFound)


def test_what_never_gets_as_far_as_routing_is_refused(plane):
    with pytest.raises(NotFound):
        told(plane, "/v1/unknown")
    with pytest.raises(InvalidRequest, match="'method' must be one of POST"):
        told(plane, method="GET")
    with pytest.raises(InvalidRequest):
        told(plane, body=b"[]")
