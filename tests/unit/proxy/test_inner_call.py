"""Calls that the gateway makes of its own data plane for a caller."""

from __future__ import annotations

import pytest

from gateway.errors import ModelNotFound, UpstreamError
from gateway.proxy.inner_call import inner_call
from tests.builders import deployment
from tests.fakes.upstream import FakeAnswer, FakeSession, failing
from tests.unit.proxy.plane import Plane

BODY = b'{"model":"m","input":"x"}'


def plane(answer, **fields):
    made = Plane(FakeSession(east=answer), deployment("east", operations=("embedding",), **fields))
    (caller,) = made.router.snapshot.callers.values()
    return made, caller


async def test_an_inner_call_is_routed_and_recorded_like_any_other():
    made, caller = plane(FakeAnswer(chunks=[b'{"usage":{"prompt_tokens":3,"total_tokens":3}}']))
    assert (
        await inner_call(made.data, caller, "/v1/embeddings", BODY) == b'{"usage":{"prompt_tokens":3,"total_tokens":3}}'
    )
    (call,) = made.records
    assert (call.tokens.input, call.tenant_id, call.operation) == (3, "local", "embedding")


async def test_what_the_gateway_refuses_is_raised_as_it_is():
    made, caller = plane(FakeAnswer(), models=("other",))
    with pytest.raises(ModelNotFound):
        await inner_call(made.data, caller, "/v1/embeddings", BODY)


async def test_what_an_upstream_refuses_is_told_by_its_status():
    made, caller = plane(failing(400))
    with pytest.raises(UpstreamError, match="answered 400 Bad Request"):
        await inner_call(made.data, caller, "/v1/embeddings", BODY)
