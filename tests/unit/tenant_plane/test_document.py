"""The tenant plane's OpenAPI document and its page: whole enough to make clients from, and in step with the guide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.asgi import TENANT_PREFIXES, is_tenant_path
from gateway.management.document import operations, resolved
from gateway.tenant_plane.context import OPEN_PATHS
from tests.asgi import call
from tests.unit.tenant_plane.plane import MODELS, Plane

DOCS = Path(__file__).parents[3] / "docs"
GUIDES = (DOCS / "tenants.md", DOCS / "catalog.md", DOCS / "collections.md")


@pytest.fixture
def document(plane: Plane) -> dict[str, Any]:
    made: dict[str, Any] = plane.app.openapi()  # type: ignore[attr-defined]
    return made


def test_the_open_paths_are_these_two() -> None:
    assert OPEN_PATHS == ("/api/v1/tenant-models/docs", "/api/v1/tenant-models/openapi.json")


async def test_the_document_is_served_without_a_key(plane: Plane, document: dict[str, Any]) -> None:
    reply = await call(plane.app, "GET", f"{MODELS}/openapi.json")
    assert reply.status == 200 and reply.json == document
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Roundhouse tenant API" and document["info"]["version"]


async def test_the_page_is_open_runs_nothing_and_asks_with_a_tenants_key(plane: Plane, document: Any) -> None:
    reply = await call(plane.app, "GET", f"{MODELS}/docs")
    page = reply.body.decode()
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "<script" not in page and "MANAGEMENT_TOKEN" not in page and "X-API-Key: $API_KEY" in page
    for path, method, _ in operations(document):
        assert f"<code>{method.upper()} {path}</code>" in page


@pytest.mark.parametrize("path", [*OPEN_PATHS, f"{MODELS}/", "/api/v1/me", "/api/v1/embedding-models/catalog"])
async def test_all_but_the_open_paths_demand_a_credential(plane: Plane, path: str) -> None:
    assert (await call(plane.app, "GET", path)).status == (200 if path in OPEN_PATHS else 401)


def test_every_route_is_of_this_plane_and_the_path_of_me_swallows_no_other(document: dict[str, Any]) -> None:
    assert all(is_tenant_path(path) for path in document["paths"])
    for path in ("/api/v1/messages", "/api/v1/me/x", "/api/v1/models", "/api/v1/embeddings", "/api/v1/management"):
        assert not is_tenant_path(path)
    assert all(prefix.startswith("/api/v1/") for prefix in TENANT_PREFIXES)


def test_every_route_has_an_id_a_summary_a_description_and_described_parameters(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for _, _, operation in operations(document):
        assert operation["summary"] and operation["description"] and operation["tags"]
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            assert parameter["description"] and schema["examples"]
            assert {"pattern", "enum", "maximum"} & set(schema) or schema["type"] == "boolean", parameter


def test_every_guarded_route_says_so_and_documents_its_errors_in_the_one_shape(document: dict[str, Any]) -> None:
    [scheme] = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-Key")
    schemas = document["components"]["schemas"]
    for path, _, operation in operations(document):
        if path in OPEN_PATHS:
            assert "security" not in operation
            continue
        assert operation["security"] == [{"API key": []}]
        assert {"401", "403", "429", "503", "default"} <= set(operation["responses"])
        assert "422" not in operation["responses"]
        for status, answer in operation["responses"].items():
            assert answer["description"]
            if not status.startswith("2"):
                content = answer["content"]["application/json"]
                assert resolved(content["schema"], schemas)["title"] == "TenantErrorView"
                for title, example in content.get("examples", {}).items():
                    assert list(example["value"]) == ["error", "details"]
                    assert example["value"]["error"] == title
    assert "HTTPValidationError" not in schemas


def test_every_field_is_described_and_every_text_number_and_list_that_is_taken_has_its_limit(
    document: dict[str, Any],
) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, each in schema["properties"].items():
            assert each.get("description") or "$ref" in each, f"{name}.{field}"
            if schema.get("additionalProperties") is False:
                for kind in each.get("anyOf", [each]):
                    limits = {
                        "string": {"pattern", "enum", "format"},
                        "number": {"maximum"},
                        "integer": {"maximum"},
                        "array": {"maxItems"},
                        "object": {"maxProperties"},
                    }.get(kind.get("type", "object elsewhere"))
                    assert limits is None or limits & set(kind), f"{name}.{field}"


def test_every_object_has_an_example_with_all_that_is_required_in_the_schemas_order(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if "Error" in name:
            continue
        [example] = schema["examples"]
        assert set(schema.get("required", ())) <= set(example) <= set(schema["properties"]), name
        assert list(example) == [field for field in schema["properties"] if field in example]


def test_the_guides_name_every_route_every_field_and_every_error(document: dict[str, Any]) -> None:
    guide = "".join(path.read_text() for path in GUIDES)
    for path, method, operation in operations(document):
        assert f"`{method.upper()} {path}`" in guide, f"{method} {path}"
        for answer in operation["responses"].values():
            for title in answer.get("content", {}).get("application/json", {}).get("examples", {}):
                assert f"`{title}`" in guide, title
    for schema in document["components"]["schemas"].values():
        for field in schema["properties"]:
            assert f"`{field}`" in guide, field
