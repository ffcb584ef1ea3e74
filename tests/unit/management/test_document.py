"""The OpenAPI document: whole enough to make clients from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.asgi import MLFLOW_PREFIX
from gateway.management.document import completed, operations, resolved
from gateway.openai.operations import BY_CLASS
from gateway.upstream.providers import PROVIDERS
from tests.asgi import call
from tests.unit.management.plane import PREFIX, Plane

DOCS = Path(__file__).parents[3] / "docs"
GUIDES = (DOCS / "management-api.md", DOCS / "endpoints.md", DOCS / "usage.md", DOCS / "webhooks.md")


@pytest.fixture
def document(plane: Plane) -> dict[str, Any]:
    return plane.app.openapi()


async def test_the_document_is_served_without_a_token(plane: Plane, document: dict[str, Any]) -> None:
    reply = await call(plane.app, "GET", f"{PREFIX}/openapi.json")
    assert reply.status == 200 and reply.json == document
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Roundhouse management API" and document["info"]["version"]


def test_every_route_has_an_id_a_summary_a_description_and_described_parameters(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for _, _, operation in operations(document):
        assert operation["summary"] and operation["description"] and operation["tags"]
        for parameter in operation.get("parameters", ()):
            assert parameter["description"] and parameter["schema"]["examples"]
            assert {"pattern", "maxLength"} <= set(parameter["schema"]) or parameter["schema"]["enum"]


def test_every_guarded_route_says_so_and_documents_its_errors_in_the_one_shape(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"] == {
        "management token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A management token, not a tenant's API key.",
        }
    }
    schemas = document["components"]["schemas"]
    for path, _, operation in operations(document):
        if path.endswith(("/docs", "/openapi.json")):
            assert "security" not in operation
            continue
        assert operation["security"] == [{"management token": []}]
        assert {"401", "503", "default"} <= set(operation["responses"])
        assert "422" not in operation["responses"]
        for status, answer in operation["responses"].items():
            assert answer["description"]
            if not status.startswith("2"):
                content = answer["content"]["application/json"]
                title = resolved(content["schema"], schemas)["title"]
                assert title == ("MlflowErrorView" if path.startswith(MLFLOW_PREFIX) else "ErrorView")
                for code, example in content.get("examples", {}).items():
                    if title == "ErrorView":
                        assert list(example["value"]["error"]) == ["message", "type", "param", "code"]
                        assert example["value"]["error"]["code"] == code
                    else:
                        assert list(example["value"]) == ["error_code", "message"]
                        assert example["value"]["error_code"] == code
    assert "HTTPValidationError" not in schemas


def test_every_field_is_described_and_every_text_number_and_list_that_is_taken_has_its_limit(
    document: dict[str, Any],
) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, each in schema["properties"].items():
            assert each.get("description") or "$ref" in each, f"{name}.{field}"
            if schema.get("additionalProperties") is False and field not in ("start_utc", "end_utc"):
                for kind in each.get("anyOf", [each]):
                    limits = {
                        "string": {"pattern", "enum"},
                        "number": {"maximum"},
                        "integer": {"maximum"},
                        "array": {"maxItems", "minItems"},
                        "object": {"maxProperties", "minProperties"},
                    }.get(kind.get("type", "object elsewhere"))
                    assert limits is None or limits & set(kind), f"{name}.{field}"


def test_every_object_has_an_example_with_all_that_is_required_in_the_schemas_order(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if "Error" in name:
            continue
        [example] = schema["examples"]
        assert set(schema.get("required", ())) <= set(example) <= set(schema["properties"])
        assert list(example) == [field for field in schema["properties"] if field in example]


def test_nulls_come_back_into_examples() -> None:
    schema = {"properties": {"a": {}, "b": {"$ref": "#/components/schemas/Inner"}}, "required": ["a", "b"]}
    inner = {"properties": {"d": {}, "c": {}, "e": {}}, "required": ["c"]}
    document = {
        "paths": {},
        "components": {"schemas": {"Outer": {**schema, "examples": [{"b": {"d": 1}}]}, "Inner": inner}},
    }
    assert completed(document)["components"]["schemas"]["Outer"]["examples"] == [{"a": None, "b": {"d": 1, "c": None}}]


async def test_the_examples_of_bodies_are_accepted(plane: Plane, document: dict[str, Any]) -> None:
    examples = {name: schema.get("examples", [{}])[0] for name, schema in document["components"]["schemas"].items()}
    for method, path, body in [
        ("PATCH", "/modeldeployment/upsert", "DeploymentChange"),
        ("PATCH", "/modeldeployment/upsert", "DeploymentView"),
        ("POST", "/tenants", "TenantCreation"),
        ("PATCH", "/tenants/contoso", "TenantChange"),
        ("POST", "/tenants/contoso/keys", "KeyCreation"),
    ]:
        reply = await plane.call(method, path, examples[body])
        assert reply.status in (200, 201), reply.body
        view = {"modeldeployment": "DeploymentView", "tenants": "TenantView"}[path.split("/")[1]]
        if not path.endswith("/keys"):
            assert list(reply.json) == list(examples[view])


async def test_the_examples_of_the_bodies_of_endpoints_and_keys_are_accepted(
    plane: Plane, document: dict[str, Any]
) -> None:
    examples = {name: schema.get("examples", [{}])[0] for name, schema in document["components"]["schemas"].items()}
    for name in ("gpt-4o-east", "gpt-4o-west"):
        assert (await plane.upsert(friendly_name=name)).status == 200

    async def ask(path: str, body: str, answer: str, **ids: str) -> dict[str, Any]:
        reply = await plane.ask("POST", path, examples[body] | ids)
        assert reply.status == 200, reply.body
        assert_like(reply.json, examples[answer])
        return reply.json

    endpoint = await ask("/endpoints/create", "EndpointCreation", "EndpointAnswer")
    of = endpoint["endpoint"]["endpoint_id"]
    await ask("/endpoints/update", "EndpointChange", "EndpointAnswer", endpoint_id=of)
    attached = await ask(f"/endpoints/{of}/models/attach", "ModelAttachment", "EndpointAnswer")
    model_id = attached["endpoint"]["models"][1]["id"]
    await ask(f"/endpoints/{of}/models/detach", "ModelDetachment", "EndpointAnswer", model_id=model_id)
    assert_like((await plane.ask("POST", f"/endpoints/{of}/start")).json, examples["StartAnswer"])
    assert_like((await plane.ask("GET", f"/endpoints/{of}/status")).json, examples["EndpointStatusView"])
    assert_like((await plane.ask("POST", f"/endpoints/{of}/stop")).json, examples["EndpointAnswer"])
    assert_like((await plane.ask("GET", "/endpoints/list")).json, examples["EndpointsAnswer"])
    await ask("/endpoints/delete", "EndpointChoice", "Nothing", endpoint_id=of)
    key = (await ask("/keys/create", "StoredKeyCreation", "KeyAnswer"))["key"]["key_id"]
    for path, body in [("update", "StoredKeyChange"), ("rotate", "StoredKeyRotation")]:
        await ask(f"/keys/{path}", body, "KeyAnswer", key_id=key)
    assert_like((await plane.ask("GET", "/keys/list")).json, examples["KeysAnswer"])
    await ask("/keys/delete", "StoredKeyChoice", "Nothing", key_id=key)
    assert_like((await plane.ask("GET", "/providers/list")).json, examples["ProvidersAnswer"])


def assert_like(answer: Any, example: Any) -> None:
    """The same fields in the same order, all the way down."""
    if isinstance(example, dict) and answer:
        assert list(answer) == list(example)
        for name in example:
            assert_like(answer[name], example[name])
    elif isinstance(example, list) and example and answer:
        assert_like(answer[0], example[0])


def test_the_guide_names_every_route_every_field_every_class_and_every_error(document: dict[str, Any]) -> None:
    guide = "".join(path.read_text() for path in GUIDES)
    for path, method, operation in operations(document):
        assert f"`{method.upper()} {path}`" in guide
        for answer in operation["responses"].values():
            for code in answer.get("content", {}).get("application/json", {}).get("examples", {}):
                assert f"`{code}`" in guide
    for schema in document["components"]["schemas"].values():
        for field in schema["properties"]:
            assert f"`{field}`" in guide, field
    for deployment_class, served in BY_CLASS.items():
        assert f"| `{deployment_class}` | {', '.join(f'`{each.name}`' for each in served)} |" in guide
    for provider in PROVIDERS:
        assert f"`{provider}`" in guide
