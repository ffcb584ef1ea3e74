"""The routes of collections: what they answer, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI

from gateway.errors import PermissionDenied, UpstreamUnreachable
from gateway.management import problems
from gateway.management.guard import Guard
from gateway.registry.snapshot import Caller
from gateway.storage.memory import MemoryTables
from gateway.tenant_plane.collections import router
from gateway.vectors.collections import Collections
from tests.asgi import Reply, call
from tests.builders import api_key, tenant
from tests.unit.vectors.shelves import answered, collections, keeping

PREFIX = "/api/v1/embeddings"
CALLER = Caller(api_key(), tenant())
EMBEDDED = answered([1, 0], as_text=True)


@dataclass
class House:
    """The routes over memory tables, and who calls them. embedded: the calls that a search made of a text."""

    collections: Collections
    who: Caller | None = CALLER
    embedded: list[Any] = field(default_factory=list)
    answer: bytes | Exception = EMBEDDED

    async def embed(self, caller: Caller, body: bytes) -> bytes:
        self.embedded.append((caller, json.loads(body)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def keep(self, *ids: str, vectors: Any = None, caller: Caller = CALLER, **metadata: Any) -> None:
        vectors = vectors or [[1.0, number] for number, _ in enumerate(ids)]
        await self.collections.keep(caller.tenant.identity, keeping(*ids, **metadata), "m", answered(*vectors))

    async def ask(self, method: str, path: str, body: Any = None) -> Reply:
        app = FastAPI(redirect_slashes=False, strict_content_type=False)
        app.state.context = self

        async def admit(_: Any) -> Caller | None:
            return self.who

        app.add_middleware(Guard, admit=admit)
        problems.refuse_in_our_words(app, (PREFIX,), "docs/collections.md names them all")
        app.include_router(router, prefix=PREFIX)
        return await call(app, method, PREFIX + path, json_body=body)


@pytest.fixture
def house() -> House:
    return House(collections(MemoryTables()))


def details(reply: Reply, status: int) -> str:
    assert reply.status == status, reply.body
    assert list(reply.json) == ["error", "details"]
    said: str = reply.json["details"]
    return said


async def test_a_search_by_vector_answers_its_matches_best_first(house: House) -> None:
    await house.keep("a", "b", lang="de")
    reply = await house.ask("POST", "/search", {"collection": "docs", "vector": [1, 0]})
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    shown = reply.json
    first, second = shown.pop("data")
    assert shown == {"object": "list", "collection": "docs", "model": "m"}
    assert first == {"object": "embedding.match", "id": "a", "score": 1.0, "metadata": {"lang": "de"}}
    assert second["id"] == "b" and second["score"] == pytest.approx(0.5**0.5)
    assert house.embedded == []


async def test_a_search_by_text_embeds_it_with_the_collections_own_model(house: House) -> None:
    await house.keep("a", "b")
    reply = await house.ask("POST", "/search", {"collection": "docs", "query": "what?", "limit": 1})
    assert [each["id"] for each in reply.json["data"]] == ["a"]
    assert reply.json["usage"] == {"total_tokens": 1}
    assert house.embedded == [(CALLER, {"model": "m", "input": "what?"})]


async def test_a_text_is_embedded_in_as_many_dimensions_as_were_asked_for(house: House) -> None:
    asked = keeping("a")
    shorter = type(asked)(asked.collection, asked.ids, asked.metadata, 2)
    await house.collections.keep(CALLER.tenant.identity, shorter, None, answered([1, 0]))
    assert (await house.ask("POST", "/search", {"collection": "docs", "query": "x"})).status == 200
    assert house.embedded == [(CALLER, {"input": "x", "dimensions": 2})]


async def test_what_the_call_for_a_text_ends_in_is_what_the_search_ends_in(house: House) -> None:
    await house.keep("a")
    house.answer = UpstreamUnreachable("nobody there")
    assert details(await house.ask("POST", "/search", {"collection": "docs", "query": "x"}), 502) == "nobody there"
    house.answer = answered([1, 0, 0])
    assert "2 dimensions" in details(await house.ask("POST", "/search", {"collection": "docs", "query": "x"}), 400)


async def test_a_search_shows_and_leaves_out_what_it_is_told(house: House) -> None:
    await house.keep("a", "b", "c", lang="de")
    await house.keep("d", lang="en")
    base = {"collection": "docs", "vector": [1, 0], "model": "m"}

    async def found(**more: Any) -> Any:
        return (await house.ask("POST", "/search", base | more)).json["data"]

    assert [each["id"] for each in await found(filter={"lang": "en"})] == ["d"]
    assert [each["id"] for each in await found(top_k=2, limit=2)] == ["a", "d"]
    assert [each["id"] for each in await found(min_score=0.5, filter={"lang": "de"})] == ["a", "b"]
    assert "metadata" not in (await found(include_metadata=False))[0]
    assert (await found(include_vectors=True))[0]["vector"] == [1, 0]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "collection is required"),
    ({"collection": "docs"}, "either 'query' or 'vector'"),
    ({"collection": "docs", "query": "x", "vector": [1]}, "either 'query' or 'vector'"),
    ({"collection": "docs", "query": ""}, "query must match pattern"),
    ({"collection": "docs", "vector": []}, "vector must have at least 1 item"),
    ({"collection": "docs", "vector": ["1"]}, "vector[0] must be"),
    ({"collection": "docs", "vector": [1e31]}, "vector[0] must be less than"),
    ({"collection": "docs", "vector": [1]}, "of 2 dimensions"),
    ({"collection": "docs", "vector": [0, 0]}, "no direction"),
    ({"collection": "docs", "query": "x", "top_k": 0}, "top_k must be greater than"),
    ({"collection": "docs", "query": "x", "top_k": 1001}, "top_k must be less than"),
    ({"collection": "docs", "query": "x", "top_k": 1, "limit": 2}, "another name of 'top_k'"),
    ({"collection": "docs", "query": "x", "top_k": 101, "include_vectors": True}, "at most 100"),
    ({"collection": "docs", "query": "x", "filter": {"$x": 1}}, "filter.$x is no operator"),
    ({"collection": "docs", "query": "x", "model": "n"}, "holds embeddings by 'm'"),
    ({"collection": "docs", "query": "x", "topk": 1}, "top_k"),
]


async def test_what_a_search_can_not_mean_is_refused_before_any_call(house: House) -> None:
    await house.keep("a")
    for body, rule in WRONG:
        said = details(await house.ask("POST", "/search", body), 400)
        assert rule in said, (body, said)
    assert house.embedded == []


async def test_collections_are_listed_shown_and_deleted(house: House) -> None:
    assert (await house.ask("GET", "/collections")).json == {"object": "list", "data": []}
    await house.keep("a", "b")
    shown = (await house.ask("GET", "/collections/docs")).json
    assert shown.pop("bytes") > 16
    assert shown == {
        "object": "embedding.collection",
        "name": "docs",
        "count": 2,
        "dimensions": 2,
        "model": "m",
        "created_at": "2026-01-01T00:00:00Z",
    }
    assert [each["name"] for each in (await house.ask("GET", "/collections")).json["data"]] == ["docs"]
    assert (await house.ask("DELETE", "/collections/docs")).status == 204
    for method, path in [("GET", "/collections/docs"), ("DELETE", "/collections/docs")]:
        assert details(await house.ask(method, path), 404) == "There is no collection 'docs'."


async def test_vectors_are_deleted_one_by_one_and_together(house: House) -> None:
    await house.keep("a", "b", "c/d e")
    assert (await house.ask("DELETE", "/collections/docs/vectors/a")).status == 204
    assert "no vector 'a'" in details(await house.ask("DELETE", "/collections/docs/vectors/a"), 404)
    reply = await house.ask("DELETE", "/collections/docs/vectors", {"ids": ["a", "b", "c/d e"]})
    assert reply.json == {"object": "embedding.removal", "collection": "docs", "deleted": 2}
    assert (await house.ask("GET", "/collections/docs")).json["count"] == 0
    for ids in ([], [""], ["x" * 257], "a"):
        details(await house.ask("DELETE", "/collections/docs/vectors", {"ids": ids}), 400)


async def test_every_route_is_blind_to_another_tenants_collections(house: House) -> None:
    await house.keep("a", caller=Caller(api_key(), tenant(id="other")))
    assert (await house.ask("GET", "/collections")).json["data"] == []
    for method, path, body in ROUTES:
        if path != "/collections":
            assert "no collection 'docs'" in details(await house.ask(method, path, body), 404)


ROUTES: list[tuple[str, str, Any]] = [
    ("POST", "/search", {"collection": "docs", "vector": [1, 0]}),
    ("POST", "/search", {"collection": "docs", "query": "x"}),
    ("GET", "/collections", None),
    ("GET", "/collections/docs", None),
    ("DELETE", "/collections/docs", None),
    ("DELETE", "/collections/docs/vectors", {"ids": ["a"]}),
    ("DELETE", "/collections/docs/vectors/a", None),
]


async def test_an_operator_has_no_collections(house: House) -> None:
    house.who = None
    for method, path, body in ROUTES:
        assert "belongs to a tenant" in details(await house.ask(method, path, body), PermissionDenied.status)


async def test_a_known_path_with_another_method_names_those_that_would_do(house: House) -> None:
    for path, allowed in [("/search", "POST"), ("/collections/docs/vectors/a", "DELETE")]:
        reply = await house.ask("PUT", path)
        assert (reply.status, reply.headers["allow"]) == (405, allowed)
