"""The models list, and an operator's test of a deployment."""

from __future__ import annotations

import json

import pytest

from gateway.errors import ModelNotFound
from gateway.proxy.attempt import Attempter
from gateway.proxy.models import models_answer
from gateway.proxy.probe import probe
from gateway.registry.snapshot import Caller, build
from gateway.upstream.google import GoogleTokens
from gateway.upstream.identity import EntraTokens
from gateway.upstream.session import ConnectionFailed
from gateway.upstream.target import Targets
from tests.builders import api_key, deployment, tenant
from tests.fakes.upstream import FakeAnswer, FakeSession, failing

CALLER = Caller(api_key(), tenant())
SNAPSHOT = build([deployment("east", models=("gpt-4o",)), deployment("west", deployment_name="gpt-35")], [], [])


def test_the_list_holds_what_the_key_may_use():
    answer = json.loads(models_answer(SNAPSHOT, CALLER, ""))
    assert answer["object"] == "list"
    assert [each["id"] for each in answer["data"]] == ["gpt-35", "gpt-4o"]


def test_one_model_is_answered_by_itself():
    assert json.loads(models_answer(SNAPSHOT, CALLER, "gpt-4o")) == {
        "id": "gpt-4o",
        "object": "model",
        "created": 0,
        "owned_by": "azure",
    }


def test_a_model_outside_the_tenants_list_is_not_found():
    with pytest.raises(ModelNotFound):
        models_answer(SNAPSHOT, Caller(api_key(), tenant(models=("gpt-4o",))), "gpt-35")


async def probed(answer):
    session = FakeSession(east=answer)
    attempter = Attempter(session, Targets("2024-10-21", EntraTokens(), GoogleTokens()))  # type: ignore[arg-type]
    return await probe(attempter, deployment("east")), session.sent[0]


async def test_a_probe_is_one_cheap_real_call():
    (status, latency_ms, error), sent = await probed(FakeAnswer())
    assert (status, error) == (200, None)
    assert latency_ms >= 0
    assert json.loads(sent.body)["max_tokens"] == 1


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (failing(401), 401, "upstream says 401"),
        (FakeAnswer(500, chunks=[b"oops"]), 500, "status 500"),
        (FakeAnswer(500, chunks=[b'["x"]']), 500, "status 500"),
        (ConnectionFailed("can't connect"), None, "can't connect"),
    ],
)
async def test_a_failed_probe_says_what_the_upstream_said(answer, status, error):
    assert (await probed(answer))[0][::2] == (status, error)
