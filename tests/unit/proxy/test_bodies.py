"""Forms, defaults and native paths on their way to an upstream."""

from __future__ import annotations

import pytest

from tests.builders import deployment, endpoint, member
from tests.fakes.upstream import HANG, FakeAnswer, FakeSession, failing
from tests.unit.openai.test_form import BOUNDARY, FILE, form
from tests.unit.proxy.plane import KEY, Plane

FORM = {**KEY, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
SOUND = {"deployment_class": "openai-audio-transcriptions", "operations": ("audio_transcription",)}


class Recording(FakeSession):
    """Reads spooled bodies while they can be read."""

    async def send(self, method, url, headers, body):
        if not isinstance(body, bytes):
            pieces = [piece async for piece in body.pieces()]
            assert sum(map(len, pieces)) == body.length
            body = b"".join(pieces)
        return await super().send(method, url, headers, body)


@pytest.mark.parametrize("size", [1, 3_000_000])
async def test_a_form_reaches_an_azure_deployment_byte_for_byte_again_and_again(size):
    body = form(("file", b"x" * size, "a.wav"), ("model", b"whisper"))
    plane = Plane(Recording(a=failing(500), b=FakeAnswer()), deployment("a", **SOUND), deployment("b", **SOUND))
    reply = await plane.post([body[:70], body[70:]], "/v1/audio/transcriptions", headers=FORM)
    assert reply.status == 200
    assert [sent.body == body for sent in plane.session.sent] == [True, True]
    assert plane.session.sent[0].headers["content-type"] == FORM["content-type"]


async def test_a_forms_model_is_routed_by_and_swapped_where_the_address_has_none():
    openai = {**SOUND, "provider": "openai_compatible", "endpoint_url": "https://a.example/v1"}
    plane = Plane(
        Recording(a=FakeAnswer(), b=FakeAnswer()),
        deployment("a", **openai, models=("public",), deployment_name="whisper-large"),
        deployment("b", **SOUND),
    )
    body = form(FILE, ("model", b"public"))
    reply = await plane.post(body, "/v1/audio/transcriptions", headers=FORM)
    assert reply.headers["x-gateway-deployment"] == "a"
    assert plane.session.sent[0].body == body.replace(b"public", b"whisper-large")


@pytest.mark.parametrize("body", [b"", b"garbage", form(FILE)[:-9]])
async def test_a_broken_form_is_400_before_any_upstream_is_called(body):
    plane = Plane(Recording(a=FakeAnswer()), deployment("a", **SOUND))
    reply = await plane.post(body, "/v1/audio/transcriptions", headers=FORM)
    assert (reply.status, reply.json["error"]["code"]) == (400, "invalid_form")
    assert plane.session.sent == []


async def test_a_form_over_the_limit_is_413():
    plane = Plane(Recording(a=FakeAnswer()), deployment("a", **SOUND), max_body_bytes=100)
    assert (await plane.post(form(FILE), "/v1/audio/transcriptions", headers=FORM)).status == 413


async def test_a_caller_that_leaves_while_uploading_is_not_answered():
    plane = Plane(Recording(a=FakeAnswer()), deployment("a", **SOUND))

    async def gone():
        return {"type": "http.disconnect"}

    headers = [(name.encode(), value.encode()) for name, value in FORM.items()]
    scope = {"path": "/v1/audio/transcriptions", "method": "POST", "headers": headers}
    await plane.app()(scope, gone, None)
    assert plane.gone


async def test_sound_passes_as_it_comes():
    sound = FakeAnswer(headers=[(b"Content-Type", b"audio/mpeg")], chunks=[b"one", b"two"])
    speech = {"deployment_class": "openai-audio-speech", "operations": ("audio_speech",)}
    reply = await Plane(FakeSession(a=sound), deployment("a", **speech)).post(path="/v1/audio/speech")
    assert reply.parts == [b"one", b"two"]
    assert reply.headers["content-type"] == "audio/mpeg"


async def test_an_endpoints_parameters_are_added_where_the_request_leaves_them_out():
    plane = Plane(FakeSession(a=[FakeAnswer(), FakeAnswer()]), deployment("a"))
    parts = member("a", litellm_params={"temperature": 0.2})
    snapshot = plane.router.snapshot
    plane.router.swap(
        type(snapshot)(
            deployments=snapshot.deployments,
            callers=snapshot.callers,
            endpoints={"support": endpoint("support", parts)},
        )
    )
    await plane.post(b'{"model":"support"}')
    await plane.post(b'{"model":"support","temperature":0.9}')
    assert [sent.body for sent in plane.session.sent] == [
        b'{"temperature": 0.2,"model":"support"}',
        b'{"model":"support","temperature":0.9}',
    ]


async def test_an_anthropic_call_passes_with_its_own_key_path_and_model():
    native = deployment(
        "a", deployment_class="anthropic", operations=("anthropic",), provider="anthropic", deployment_name="claude-x"
    )
    plane = Plane(FakeSession(api=FakeAnswer()), native)
    headers = {
        "x-api-key": KEY["authorization"][7:],
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
    }
    path = "/api/v1/passthrough/anthropic/v1/messages"
    await plane.post(b'{"model":"claude","max_tokens":1}', path, headers=headers, query="beta=true")
    sent = plane.session.sent[0]
    assert str(sent.url) == "https://api.anthropic.com/v1/messages?beta=true"
    assert (sent.headers["x-api-key"], sent.headers["anthropic-version"]) == ("key-of-a", "2023-06-01")
    assert sent.body == b'{"model":"claude-x","max_tokens":1}'
    await plane.post(b"", "/api/v1/passthrough/anthropic/v1/models", headers=headers, method="GET")
    assert plane.session.sent[1].method == "GET"


async def test_a_gemini_call_names_its_model_in_the_path():
    native = {"deployment_class": "gemini", "operations": ("gemini",), "provider": "gemini"}
    plane = Plane(FakeSession(generativelanguage=FakeAnswer()), deployment("a", **native, deployment_name="gemini-x"))
    headers = {"x-goog-api-key": KEY["authorization"][7:]}
    path = "/api/v1/passthrough/gemini/v1beta/models/gemini-pro:generateContent"
    reply = await plane.post(b'{"contents":[]}', path, headers=headers, query="alt=sse&key=secret")
    assert reply.status == 200
    sent = plane.session.sent[0]
    assert sent.url.raw_path_qs == "/v1beta/models/gemini-x:generateContent?alt=sse"
    assert sent.headers["x-goog-api-key"] == "key-of-a"
    assert sent.body == b'{"contents":[]}'


async def test_a_vertex_call_carries_a_google_token(monkeypatch):
    async def bearer(self, account):
        assert account == "{service account}"
        return "google"

    monkeypatch.setattr("gateway.upstream.google.GoogleTokens.bearer", bearer)
    native = deployment(
        "a",
        deployment_class="vertex",
        operations=("vertex",),
        provider="vertex",
        endpoint_url="https://a.example/v1/projects/p/locations/l",
        endpoint_key="{service account}",
    )
    plane = Plane(FakeSession(a=FakeAnswer()), native)
    await plane.post(
        b"{}", "/api/v1/passthrough/vertex/v1/projects/p/locations/l/publishers/google/models/m:rawPredict"
    )
    assert plane.session.sent[0].headers["authorization"] == "Bearer google"


async def test_an_upstream_that_needs_no_key_gets_none():
    local = deployment("a", provider="vllm", endpoint_url="http://a.example/v1", endpoint_key=None)
    plane = Plane(FakeSession(a=FakeAnswer()), local)
    await plane.post()
    assert "authorization" not in plane.session.sent[0].headers


async def test_endpoints_are_counted_and_a_departure_is_no_error():
    plane = Plane(FakeSession(a=[FakeAnswer(), failing(500), HANG]), deployment("a"))
    snapshot = plane.router.snapshot
    support = endpoint("support", member("a"))
    plane.router.swap(
        type(snapshot)(deployments=snapshot.deployments, callers=snapshot.callers, endpoints={"support": support})
    )
    for _ in range(2):
        await plane.post(b'{"model":"support"}')
    counts = plane.endpoints.counts("support")
    assert (counts.requests, counts.errors, counts.in_flight) == (2, 1, 0)
    assert plane.endpoints.counts("never").requests == 0
