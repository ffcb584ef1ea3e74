"""One request's path, with upstreams that do as they are told."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.upstream.session import ConnectionFailed
from tests.builders import deployment
from tests.fakes.upstream import HANG, FakeAnswer, FakeSession, events, failing
from tests.unit.proxy.plane import BODY, KEY, Plane

REFUSED = ConnectionFailed("can't connect")


async def test_a_good_answer_passes_with_the_gateways_own_headers():
    answer = FakeAnswer(
        headers=[(b"Content-Type", b"application/json"), (b"Set-Cookie", b"x"), (b"openai-version", b"1")]
    )
    plane = Plane(FakeSession(east=answer), deployment("east"))
    reply = await plane.post()
    assert (reply.status, reply.body, reply.complete) == (200, b'{"ok":true}', True)
    assert reply.headers["x-request-id"] == "request-1"
    assert reply.headers["x-gateway-deployment"] == "east"
    assert reply.headers["x-gateway-attempts"] == "1"
    assert float(reply.headers["x-gateway-overhead-ms"]) >= 0
    assert reply.headers["openai-version"] == "1"
    assert "set-cookie" not in reply.headers
    assert reply.headers["content-length"] == "11"
    assert answer.closed


async def test_the_body_reaches_an_azure_deployment_byte_for_byte_with_its_own_key():
    plane = Plane(FakeSession(east=FakeAnswer()), deployment("east"))
    body = b'{ "model":"x",  "n":null, "t":"\\u00e9", "unknown":[1.0, 1e3] }'
    await plane.post([body[:9], body[9:20], body[20:]])
    sent = plane.session.sent[0]
    assert sent.body == body
    assert (
        str(sent.url)
        == "https://east.openai.azure.com/openai/deployments/east-gpt/chat/completions?api-version=2024-10-21"
    )
    assert sent.headers["api-key"] == "key-of-east"
    assert "authorization" not in sent.headers


async def test_an_openai_upstream_gets_a_bearer_key_and_its_own_model_name():
    openai = deployment("east", provider="openai", endpoint_url="https://east.example/v1", deployment_name="gpt-4o")
    plane = Plane(FakeSession(east=FakeAnswer()), openai)
    await plane.post()
    sent = plane.session.sent[0]
    assert str(sent.url) == "https://east.example/v1/chat/completions"
    assert sent.headers["authorization"] == "Bearer key-of-east"
    assert sent.body == b'{"model": "gpt-4o", "messages": []}'


@pytest.mark.parametrize(
    ("own", "query", "used"),
    [
        (None, "", "2024-10-21"),
        (None, "api-version=2025-01-01", "2025-01-01"),
        ("2024-06-01", "api-version=2025-01-01", "2024-06-01"),
    ],
)
async def test_the_deployments_api_version_wins_over_the_callers(own, query, used):
    plane = Plane(FakeSession(east=FakeAnswer()), deployment("east", api_version=own))
    await plane.post(query=query)
    assert plane.session.sent[0].url.query["api-version"] == used


@pytest.mark.parametrize(
    "bad", [REFUSED, *(failing(status) for status in (401, 403, 404, 408, 409, 429, 500, 502, 503))], ids=str
)
async def test_a_failure_is_tried_elsewhere_and_hidden(bad):
    plane = Plane(FakeSession(bad=bad, good=FakeAnswer()), deployment("bad"), deployment("good"))
    reply = await plane.post()
    assert (reply.status, reply.headers["x-gateway-deployment"]) == (200, "good")
    assert reply.headers["x-gateway-attempts"] == "2"


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_the_callers_own_mistake_is_final_and_cools_nothing(status, caplog):
    plane = Plane(FakeSession(bad=failing(status), good=FakeAnswer()), deployment("bad"), deployment("good"))
    reply = await plane.post()
    assert (reply.status, reply.headers["x-gateway-deployment"]) == (status, "bad")
    assert reply.json["error"]["message"] == f"upstream says {status}"
    assert plane.cooldowns.remaining("openai-chat/bad") == 0
    assert not caplog.records


async def test_a_throttled_deployment_rests_for_the_time_it_named():
    plane = Plane(FakeSession(a=failing(429, retry_after_ms="2500"), b=FakeAnswer()), deployment("a"), deployment("b"))
    for _ in range(4):
        assert (await plane.post()).status == 200
    assert [sent.url.host[0] for sent in plane.session.sent] == ["a", "b", "b", "b", "b"]
    plane.clock.now += 2.5
    await plane.post()
    await plane.post()
    assert "a" in [sent.url.host[0] for sent in plane.session.sent[5:]]


async def test_an_exhausted_pool_passes_the_last_real_answer_with_the_soonest_true_wait():
    plane = Plane(
        FakeSession(a=failing(429, retry_after="5"), b=failing(429, retry_after="30"), c=REFUSED),
        *(deployment(name) for name in "abc"),
    )
    reply = await plane.post()
    assert (reply.status, reply.json["error"]["message"]) == (429, "upstream says 429")
    assert 5 <= float(reply.headers["retry-after-ms"]) / 1000 <= 5.6
    again = await plane.post()
    assert (again.status, again.json["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 5 <= int(again.headers["retry-after"]) <= 6
    assert len(plane.session.sent) == 3


async def test_a_lone_deployments_429_passes_as_it_is():
    plane = Plane(FakeSession(a=failing(429, retry_after="30")), deployment("a"))
    reply = await plane.post()
    assert (reply.status, reply.headers["retry-after"]) == (429, "30")


async def test_a_wrong_key_upstream_is_not_shown_as_the_callers_but_logged_by_name(caplog):
    plane = Plane(FakeSession(east=failing(401)), deployment("east"))
    reply = await plane.post()
    assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_authentication_failed")
    assert "openai-chat/east" in caplog.text
    assert "key-of-east" not in caplog.text


async def test_failures_are_logged_with_the_deployments_name(caplog):
    caplog.set_level(logging.WARNING)
    await Plane(FakeSession(east=REFUSED), deployment("east")).post()
    assert "openai-chat/east: unreachable (can't connect)" in caplog.text


async def test_a_deployment_that_hangs_is_given_up_for_another():
    plane = Plane(FakeSession(a=HANG, b=FakeAnswer()), deployment("a"), deployment("b"), attempt_seconds=0.01)
    reply = await plane.post()
    assert (reply.status, reply.headers["x-gateway-deployment"]) == (200, "b")


async def test_one_deadline_governs_all_attempts():
    plane = Plane(FakeSession(a=HANG, b=HANG), deployment("a"), deployment("b"), deadline_seconds=0.01)
    reply = await plane.post()
    assert (reply.status, reply.json["error"]["code"]) == (504, "upstream_timeout")
    assert len(plane.session.sent) == 1


async def test_a_plain_answer_cut_in_its_middle_fails_over():
    cut = FakeAnswer(chunks=[b'{"ok":', ConnectionFailed("cut")])
    reply = await Plane(FakeSession(a=cut, b=FakeAnswer()), deployment("a"), deployment("b")).post()
    assert (reply.body, reply.headers["x-gateway-deployment"]) == (b'{"ok":true}', "b")
    assert cut.closed


@pytest.mark.parametrize("body", [b"", b'{"model": "x"', b"hello", b"[]", b'{"model": 7}'])
async def test_a_broken_body_is_refused_before_any_upstream_is_called(body):
    plane = Plane(FakeSession(east=FakeAnswer()), deployment("east"))
    reply = await plane.post(body)
    assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")
    assert plane.session.sent == []


@pytest.mark.parametrize("body", [b"x" * 11, [b"x" * 6, b"x" * 6]])
async def test_a_body_over_the_limit_is_413(body):
    reply = await Plane(FakeSession(east=FakeAnswer()), deployment("east"), max_body_bytes=10).post(body)
    assert (reply.status, reply.json["error"]["code"]) == (413, "request_too_large")


async def test_another_method_is_405_and_names_the_right_one():
    reply = await Plane(FakeSession(east=FakeAnswer()), deployment("east")).post(method="GET")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


async def test_a_caller_that_leaves_while_sending_is_not_answered():
    plane = Plane(FakeSession(east=FakeAnswer()), deployment("east"))
    leave = asyncio.Event()
    leave.set()

    async def gone():
        return {"type": "http.disconnect"}

    await plane.app()(
        {
            "path": "/v1/completions",
            "method": "POST",
            "headers": [(name.encode(), value.encode()) for name, value in KEY.items()],
        },
        gone,
        None,
    )
    assert plane.gone


async def test_client_disconnect_before_the_first_byte_stops_the_upstream_and_cools_nothing():
    plane = Plane(FakeSession(a=HANG, b=FakeAnswer()), deployment("a"), deployment("b"))
    leave = asyncio.Event()
    calling = asyncio.create_task(plane.post(leave=leave))
    while not plane.session.sent:
        await asyncio.sleep(0)
    leave.set()
    reply = await calling
    assert plane.gone
    assert reply.status == 0
    assert len(plane.session.sent) == 1
    assert plane.cooldowns.remaining("openai-chat/a") == 0


async def test_client_disconnect_does_not_cool_the_deployment():
    stream = events(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', HANG)
    plane = Plane(FakeSession(a=stream, b=FakeAnswer()), deployment("a"), deployment("b"))
    leave = asyncio.Event()
    calling = asyncio.create_task(plane.post(leave=leave))
    for _ in range(50):
        await asyncio.sleep(0)
    leave.set()
    reply = await calling
    assert reply.status == 200
    assert not reply.complete
    assert stream.closed
    assert plane.cooldowns.remaining("openai-chat/a") == 0


async def test_a_cancelled_request_stays_cancelled():
    plane = Plane(FakeSession(a=HANG), deployment("a"))
    calling = asyncio.create_task(plane.post())
    while not plane.session.sent:
        await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert not plane.gone


async def test_an_answer_kept_for_later_is_let_go_when_the_caller_leaves():
    large = failing(500)
    large.chunks = [b"x" * 2_000_000]
    plane = Plane(FakeSession(a=large, b=HANG), deployment("a"), deployment("b"))
    leave = asyncio.Event()
    calling = asyncio.create_task(plane.post(leave=leave))
    while len(plane.session.sent) < 2:
        await asyncio.sleep(0)
    leave.set()
    await calling
    assert large.closed


async def test_large_answers_of_failed_attempts_are_let_go():
    first, second, third = failing(500), failing(404), failing(503)
    for answer in (first, second, third):
        answer.chunks = [b"x" * 2_000_000]
    plane = Plane(FakeSession(a=first, b=second, c=third), *(deployment(name) for name in "abc"))
    reply = await plane.post()
    assert (reply.status, len(reply.body)) == (503, 2_000_000)
    assert first.closed and second.closed and third.closed


async def test_a_deployment_with_managed_identity_gets_an_entra_token(monkeypatch):
    async def bearer(self):
        return "entra"

    monkeypatch.setattr("gateway.upstream.identity.EntraTokens.bearer", bearer)
    plane = Plane(FakeSession(east=FakeAnswer()), deployment("east", auth="managed_identity", endpoint_key=None))
    await plane.post(BODY)
    assert plane.session.sent[0].headers["authorization"] == "Bearer entra"
    assert "api-key" not in plane.session.sent[0].headers


async def test_no_identity_is_the_pools_fault(monkeypatch):
    from gateway.upstream.identity import IdentityUnavailable

    async def bearer(self):
        raise IdentityUnavailable("no managed identity token")

    monkeypatch.setattr("gateway.upstream.identity.EntraTokens.bearer", bearer)
    reply = await Plane(FakeSession(east=FakeAnswer()), deployment("east", auth="managed_identity")).post()
    assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_authentication_failed")
