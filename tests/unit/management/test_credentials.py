"""What each provider takes as its key."""

from __future__ import annotations

import json

import pytest

from gateway.management.credentials import problem
from tests.unit.management.plane import EAST, SERVICE_ACCOUNT, UPSERT, Plane, mlflow_refusal, refusal

ACCOUNT = json.loads(SERVICE_ACCOUNT)
VERTEX = {**EAST, "provider": "vertex", "endpoint_url": "https://vertex.example", "resource_name": None}


def test_a_plain_key_is_one_for_every_provider_but_vertex() -> None:
    assert problem("azure", "s3cret") is None
    assert problem("openai", "x" * 512) is None
    for wrong in ("two words", "x" * 513, SERVICE_ACCOUNT):
        assert "1 to 512 printable ASCII characters" in str(problem("azure", wrong))


def test_a_service_account_is_one_for_vertex() -> None:
    assert problem("vertex", SERVICE_ACCOUNT) is None
    assert problem("vertex", f"\n{SERVICE_ACCOUNT}\n") is None
    assert problem("vertex", json.dumps({**ACCOUNT, "private_key": "k" * 7000})) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "s3cret",
        "{",
        "[]",
        "null",
        "[" * 5000,
        "{}",
        json.dumps({**ACCOUNT, "type": "authorized_user"}),
        *(json.dumps({name: value for name, value in ACCOUNT.items() if name != gone}) for gone in ACCOUNT),
        json.dumps({**ACCOUNT, "private_key": ""}),
        json.dumps({**ACCOUNT, "client_email": 5}),
        json.dumps({**ACCOUNT, "private_key": "k" * 8192}),
    ],
)
def test_anything_else_is_none_for_vertex(wrong: str) -> None:
    assert str(problem("vertex", wrong)).startswith("must be the JSON of a Google service account's key file")


async def test_a_vertex_deployment_takes_a_service_account_and_nothing_else(plane: Plane) -> None:
    reply = await plane.call("PATCH", UPSERT, {**VERTEX, "endpoint_key": SERVICE_ACCOUNT})
    assert (reply.status, reply.json["endpoint_key"]) == (200, "*********")
    stored = await plane.deployments.read("openai-chat", "east")
    assert stored is not None and stored.endpoint_key == SERVICE_ACCOUNT
    error = refusal(await plane.call("PATCH", UPSERT, {**VERTEX, "endpoint_key": "s3cret"}))
    assert error["param"] == "endpoint_key" and "service account" in error["message"]
    error = refusal(await plane.upsert(provider="openai", endpoint_key=SERVICE_ACCOUNT))
    assert error["param"] == "endpoint_key" and error["message"].endswith("for provider openai")


async def test_a_deployment_that_changes_its_provider_must_have_a_key_of_the_new_one(plane: Plane) -> None:
    await plane.upsert()
    error = refusal(
        await plane.call("PATCH", UPSERT, {name: VERTEX[name] for name in VERTEX if name != "endpoint_key"})
    )
    assert error["param"] == "endpoint_key"


async def test_a_stored_key_obeys_its_providers_rule_when_it_is_made_and_when_it_is_rotated(plane: Plane) -> None:
    body = {"name": "vertex", "provider": "vertex", "value": SERVICE_ACCOUNT}
    wrong = {**body, "value": "s3cret"}
    assert "value must be the JSON" in mlflow_refusal(
        await plane.ask("POST", "/keys/create", wrong), 400, "INVALID_PARAMETER_VALUE"
    )
    key = (await plane.ask("POST", "/keys/create", body)).json["key"]
    rotation = {"key_id": key["key_id"], "value": "s3cret"}
    said = mlflow_refusal(await plane.ask("POST", "/keys/rotate", rotation), 400, "INVALID_PARAMETER_VALUE")
    assert "s3cret" not in said
    assert (await plane.ask("POST", "/keys/rotate", {**rotation, "value": SERVICE_ACCOUNT})).status == 200
