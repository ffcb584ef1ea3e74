"""Whether a call may go, what is taken of limits for it, and what is given back."""

from __future__ import annotations

import json

import pytest

from gateway.registry.limits import Limits
from tests.builders import deployment, tenant, tenant_model
from tests.fakes.upstream import FakeAnswer, FakeSession, failing
from tests.unit.proxy.plane import Plane
from tests.unit.proxy.test_metering import STREAM, WHOLE, answering

ASKING = b'{"model":"gpt-4o","messages":[],"max_tokens":10}'


def limited(session=None, *deployments, models=(), **limits):
    many = [answering(WHOLE) for _ in range(20)]
    made = deployments or (deployment("east", models=("gpt-4o",)),)
    caller = tenant(limits=Limits(**limits))
    return Plane(session or FakeSession(east=many), *made, caller=caller, models=models)


async def statuses(plane, count, body=ASKING):
    return [(await plane.post(body)).status for _ in range(count)]


async def test_a_limit_of_the_minute_refuses_the_call_after_the_last_and_says_when():
    plane = limited(rpm=3)
    assert await statuses(plane, 3) == [200, 200, 200]
    refused = await plane.post(ASKING)
    assert refused.status == 429 and refused.json["error"]["code"] == "rate_limit_exceeded"
    assert 60 <= int(refused.headers["retry-after"]) <= 61
    assert refused.headers["x-ratelimit-limit-requests"] == "3"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert [call.status for call in plane.records] == [200, 200, 200, 429]
    assert len(plane.session.sent) == 3


async def test_answers_tell_where_the_tenants_limits_stand_and_not_the_upstreams():
    theirs = answering(WHOLE)
    theirs.headers += [(b"x-ratelimit-remaining-requests", b"4711"), (b"x-ratelimit-limit-tokens", b"4711")]
    reply = await limited(FakeSession(east=theirs), rpm=3).post(ASKING)
    assert reply.headers["x-ratelimit-remaining-requests"] == "2"
    assert "x-ratelimit-limit-tokens" not in reply.headers


async def test_the_day_is_charged_what_the_upstream_counted():
    plane = limited(daily_token_limit=200)
    assert await statuses(plane, 14) == [200] * 14
    refused = await plane.post(ASKING)
    assert refused.status == 429 and refused.json["error"]["code"] == "insufficient_quota"


async def test_a_failed_call_is_given_back_whole():
    plane = limited(FakeSession(east=[failing(500), failing(500), answering(WHOLE)]), rpm=1)
    assert await statuses(plane, 4) == [500, 500, 200, 429]


async def test_a_callers_own_mistake_counts_as_a_request_and_no_tokens():
    plane = limited(FakeSession(east=[failing(400), failing(400), answering(WHOLE)]), rpm=2, tpm=40)
    assert await statuses(plane, 3) == [400, 400, 429]
    assert [call.tokens.total for call in plane.records] == [0, 0, 0]


async def test_a_tenants_model_has_limits_of_its_own():
    both = [deployment("east", models=("gpt-4o", "gpt-5"))]
    models = [tenant_model("gpt-4o", limits=Limits(daily_request_limit=1)), tenant_model("gpt-5")]
    plane = limited(None, *both, models=models)
    assert await statuses(plane, 2) == [200, 429]
    assert (await plane.post(ASKING.replace(b"gpt-4o", b"gpt-5"))).status == 200
    assert [call.model_id for call in plane.records] == [models[0].model_id, None, models[1].model_id]


async def test_money_is_charged_by_the_catalogs_prices():
    plane = limited(daily_cost_limit=0.001)
    outcomes = await statuses(plane, 30)
    assert outcomes[0] == 200 and outcomes[-1] == 429
    # 5 tokens at $2.50 and 7 at $10 a million: $0.0000825; the reservation of one call more has to fit.
    assert outcomes.count(200) in (10, 11, 12)


async def test_a_model_without_a_price_is_refused_where_money_is_limited():
    plane = limited(None, deployment("east", models=("nobody-knows",)), daily_cost_limit=5.0)
    refused = await plane.post(b'{"model":"nobody-knows","messages":[]}')
    assert refused.status == 403 and refused.json["error"]["code"] == "unpriced_model"
    assert plane.session.sent == []


@pytest.mark.parametrize(("sent", "capped"), [({"max_tokens": 900}, 50), ({"max_tokens": 20}, 20), ({}, 50)])
async def test_a_cap_holds_the_output_of_every_call(sent, capped):
    session = FakeSession(east=answering(WHOLE))
    plane = Plane(session, deployment("east"), caller=tenant(max_token_cap=50))
    await plane.post(json.dumps({"model": "m", "messages": [], **sent}).encode())
    assert json.loads(session.sent[0].body)["max_tokens"] == capped


async def test_a_call_without_a_model_goes_to_the_tenants_default():
    session = FakeSession(east=answering(WHOLE))
    listed = deployment("east", models=("gpt-4o",))
    models = [tenant_model("gpt-4o", is_default=True, model_type="chat"), tenant_model("gpt-5")]
    plane = Plane(session, listed, models=models)
    assert (await plane.post(b'{"messages":[]}')).status == 200
    assert plane.records[0].model == "gpt-4o"
    embedding = await plane.post(b'{"input":"x"}', "/v1/embeddings")
    assert embedding.json["error"]["code"] == "missing_model"


async def test_a_tenant_without_limits_takes_nothing_and_reads_nothing():
    session = FakeSession(east=answering(WHOLE))
    plane = Plane(session, deployment("east"))
    reply = await plane.post(STREAM)
    assert not any(name.startswith("x-ratelimit") for name in reply.headers)
    assert plane.tables.calls.total() == 0


async def recorded(plane):
    form = (
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' + b"x" * 64 + b"\r\n--b--\r\n"
    )
    headers = {"authorization": "Bearer rh-local0-s3cret-with_dash", "content-type": "multipart/form-data; boundary=b"}
    return await plane.post(form, "/v1/audio/transcriptions", headers=headers)


async def test_a_recording_is_reserved_by_its_size():
    session = FakeSession(east=FakeAnswer(200, chunks=[b'{"text":"hi"}']))
    plane = limited(session, deployment("east", operations=("audio_transcription",)), daily_token_limit=100)
    assert (await recorded(plane)).status == 429 and session.sent == []


async def test_what_is_paid_by_the_second_or_by_the_query_has_a_price_too():
    at = {"endpoint_url": "https://east.test"}
    heard = deployment(provider="openai", deployment_name="whisper-1", operations=("audio_transcription",), **at)
    session = FakeSession(east=FakeAnswer(200, chunks=[b'{"text":"hi"}']))
    assert (await recorded(limited(session, heard, daily_cost_limit=1.0))).status == 200
    ranked = deployment(provider="cohere", deployment_name="rerank-v3.5", operations=("rerank",), **at)
    plane = limited(FakeSession(east=FakeAnswer()), ranked, daily_cost_limit=1.0)
    assert (await plane.post(b'{"model":"r","query":"q","documents":["d"]}', "/v1/rerank")).status == 200
