"""Routes of a tenant's collections of embeddings: search, list, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response

from gateway.errors import BodyTooLarge, InvalidRequest, NotFound, PermissionDenied
from gateway.management import rules
from gateway.openai.collection import MOST_ID_CHARACTERS
from gateway.registry.snapshot import Caller
from gateway.storage.vectors import Collection
from gateway.tenant_plane.collection_models import (
    MOST_MATCHES_WITH_VECTORS,
    CollectionsAnswer,
    CollectionView,
    Removal,
    RemovalAnswer,
    SearchAnswer,
    SearchQuestion,
)
from gateway.tenant_plane.error_models import READING, WRITING, documented
from gateway.vectors.answer import Embeddings, read_embeddings
from gateway.vectors.collections import Collections
from gateway.vectors.filters import read_filter
from gateway.vectors.index import Match, Question, as_json

DEFAULT_MATCHES = 10

# Sends a body as the caller's own embeddings call through the data plane, with all its limits, and answers the
# upstream's body. Raises GatewayError for whatever is no success.
Embed = Callable[[Caller, bytes], Awaitable[bytes]]

router = APIRouter(tags=["collections"])


class CollectionsContext(Protocol):
    """What these routes need of the tenant plane's context."""

    @property
    def collections(self) -> Collections:
        """The collections of all tenants."""
        ...

    @property
    def embed(self) -> Embed:
        """Makes an embeddings call of a caller's."""
        ...


async def _context(request: Request) -> CollectionsContext:
    context: CollectionsContext = request.app.state.context
    return context


async def _tenant(request: Request) -> Caller:
    caller: Caller | None = request.scope["who"]
    if caller is None:
        raise PermissionDenied("A collection belongs to a tenant: ask with one of its API keys.")
    return caller


Context = Annotated[CollectionsContext, Depends(_context)]
Tenant = Annotated[Caller, Depends(_tenant)]
Name = Annotated[rules.Name, Path(description="The name of the collection.", examples=["manuals"])]
VectorId = Annotated[
    str,
    Path(
        pattern=f"^[^/]{{1,{MOST_ID_CHARACTERS}}}$",
        description="The id of the vector. One with a `/` in it can only be named in a body.",
        examples=["manual-7"],
    ),
]


@router.post(
    "/search",
    summary="Search a collection",
    response_description="The matches, best first.",
    response_model=SearchAnswer,
    responses=documented(InvalidRequest, NotFound, BodyTooLarge),
)
async def search_collection(question: SearchQuestion, context: Context, caller: Tenant) -> Response:
    """The vectors of a collection that are most like a text's or a given one, by the cosine of their angle."""
    most = _most(question)
    wanted = read_filter(question.filter) if question.filter else None
    tenant = caller.tenant.identity
    head = await context.collections.get(tenant, question.collection)
    if question.model is not None and question.model != head.model:
        raise InvalidRequest(f"The collection {head.name!r} holds embeddings by {head.model!r}.", param="model")
    usage: dict[str, Any] | None = None
    vector = question.vector
    if vector is None:
        made = await _embedded(context.embed, caller, head, question.query)
        vector, usage = await asyncio.to_thread(_numbers, made), made.usage
    found = await context.collections.search(tenant, head.name, Question(vector, most, wanted, question.min_score))
    content = await asyncio.to_thread(_answer, head, found, question, usage)
    return Response(content, media_type="application/json")


@router.get(
    "/collections",
    summary="List the collections",
    response_description="All of the tenant's, perhaps none.",
    responses=documented(),
)
async def list_collections(context: Context, caller: Tenant) -> CollectionsAnswer:
    """The tenant's collections, by name."""
    heads = await context.collections.list(caller.tenant.identity)
    return CollectionsAnswer(data=[await _view(context, caller, head) for head in heads])


@router.get(
    "/collections/{name}",
    summary="Show a collection",
    response_description="The collection.",
    responses=documented(*READING, NotFound),
)
async def get_collection(name: Name, context: Context, caller: Tenant) -> CollectionView:
    """One collection."""
    return await _view(context, caller, await context.collections.get(caller.tenant.identity, name))


@router.delete(
    "/collections/{name}",
    summary="Delete a collection",
    response_description="It is gone.",
    status_code=204,
    responses=documented(*READING, *WRITING, NotFound),
)
async def delete_collection(name: Name, context: Context, caller: Tenant) -> None:
    """Deletes a collection and all its vectors."""
    await context.collections.delete(caller.tenant.identity, name)


@router.delete(
    "/collections/{name}/vectors",
    summary="Delete vectors",
    response_description="How many there were.",
    responses=documented(*READING, *WRITING, NotFound),
)
async def delete_vectors(name: Name, removal: Removal, context: Context, caller: Tenant) -> RemovalAnswer:
    """Deletes vectors by their ids; those that are not there are passed over."""
    deleted = await context.collections.remove(caller.tenant.identity, name, removal.ids)
    return RemovalAnswer(collection=name, deleted=deleted)


@router.delete(
    "/collections/{name}/vectors/{vector_id}",
    summary="Delete a vector",
    response_description="It is gone.",
    status_code=204,
    responses=documented(*READING, *WRITING, NotFound),
)
async def delete_vector(name: Name, vector_id: VectorId, context: Context, caller: Tenant) -> None:
    """Deletes one vector."""
    if not await context.collections.remove(caller.tenant.identity, name, [vector_id]):
        raise NotFound(f"There is no vector {vector_id!r} in the collection {name!r}.")


def _most(question: SearchQuestion) -> int:
    if (question.query is None) == (question.vector is None):
        raise InvalidRequest("Give either 'query' or 'vector', and not both.", param="query")
    if question.top_k is not None and question.limit not in (None, question.top_k):
        raise InvalidRequest("'limit' is another name of 'top_k': give one of them.", param="limit")
    most = question.top_k or question.limit or DEFAULT_MATCHES
    if question.include_vectors and most > MOST_MATCHES_WITH_VECTORS:
        raise InvalidRequest(f"With 'include_vectors', 'top_k' is at most {MOST_MATCHES_WITH_VECTORS}.", param="top_k")
    return most


async def _embedded(embed: Embed, caller: Caller, head: Collection, query: str | None) -> Embeddings:
    """The text's vector, made as the collection's own were."""
    asked = {"model": head.model, "input": query, "dimensions": head.asked_dimensions}
    body = msgspec.json.encode({name: value for name, value in asked.items() if value is not None})
    return await asyncio.to_thread(read_embeddings, await embed(caller, body), 1)


def _numbers(made: Embeddings) -> list[float]:
    import numpy as np

    numbers: list[float] = np.frombuffer(made.packed, dtype="<f4").tolist()
    return numbers


def _answer(head: Collection, found: list[Match], question: SearchQuestion, usage: dict[str, Any] | None) -> bytes:
    answer = {
        "object": "list",
        "collection": head.name,
        "model": head.model,
        "data": as_json(found, metadata=question.include_metadata, vectors=question.include_vectors),
    }
    return msgspec.json.encode(answer if usage is None else {**answer, "usage": usage})


async def _view(context: CollectionsContext, caller: Caller, head: Collection) -> CollectionView:
    return CollectionView.of(head, await context.collections.count(caller.tenant.identity, head))
