"""The docs page: everything that the OpenAPI document says, and nothing that runs."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from gateway.management.document import operations
from gateway.management.page import render
from tests.asgi import call
from tests.unit.management.plane import PREFIX, Plane

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """The page's words, links and ids; tags must close in the order they opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.links, self.ids, self.tags = "", set[str](), set[str](), set[str]()
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        assert not any(name.startswith("on") or name in ("src", "style") for name in given)
        self.links |= {given["href"] or ""} if "href" in given else set()
        self.ids |= {given["id"] or ""} if "id" in given else set()
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
async def page(plane: Plane) -> str:
    reply = await call(plane.app, "GET", f"{PREFIX}/docs")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    return reply.body.decode()


def test_the_page_runs_nothing_and_fetches_nothing(page: str) -> None:
    reader = Reader(page)
    assert not reader.tags & {"script", "link", "img", "iframe", "form", "object"}
    assert all(link.startswith("#") for link in reader.links)
    assert {link[1:] for link in reader.links} <= reader.ids
    assert "url(" not in page and "@import" not in page


def test_the_page_names_every_route_field_example_and_error(plane: Plane, page: str) -> None:
    document = plane.app.openapi()
    words = Reader(page).words
    for path, method, operation in operations(document):
        assert f"{method.upper()} {path}" in words
        assert operation["summary"] in words
        for answer in operation["responses"].values():
            for code in answer.get("content", {}).get("application/json", {}).get("examples", {}):
                assert f'code": "{code}"' in words
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("additionalProperties") is False or name in words
        for field in schema["properties"]:
            assert field in words
    for limit in ("1 to 64 letters", "over 0, at most 1,000", "at least 0, at most 100", "at most 20", "1 MB"):
        assert limit in words
    assert 'curl -X PATCH "$GATEWAY/api/v1/management/modeldeployment/upsert"' in words
    assert "tenants/contoso/keys/3f9ac2e1b07d" in words


def test_what_the_document_says_can_not_become_markup() -> None:
    evil = "<script>alert(1)</script>"
    operation: dict[str, Any] = {
        "operationId": "x",
        "tags": [evil],
        "summary": evil,
        "description": evil,
        "parameters": [
            {
                "name": evil,
                "in": "path",
                "required": True,
                "description": evil,
                "schema": {"type": "string", "x-rule": evil, "examples": [evil]},
            }
        ],
        "responses": {"200": {"description": evil}},
    }
    schema = {"description": evil, "properties": {evil: {"type": "string", "description": evil, "default": evil}}}
    page = render(
        {
            "info": {"title": evil, "version": evil, "description": evil},
            "paths": {f"/{evil}": {"get": operation}},
            "components": {"schemas": {"Plain": schema}},
        }
    )
    assert "<script" not in page
    Reader(page)
