"""What the routes of collections take and answer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.management import rules
from gateway.management.body import Body
from gateway.openai.collection import MOST_ID_CHARACTERS
from gateway.storage.vectors import Collection
from gateway.tenant_plane.catalog_models import Moment
from gateway.vectors.answer import LARGEST, MOST_DIMENSIONS
from gateway.vectors.filters import MOST_CONDITIONS

MOST_MATCHES = 1_000
# A vector of 1,536 numbers is 30 KB of JSON.
MOST_MATCHES_WITH_VECTORS = 100
MOST_REMOVED = 10_000

_COLLECTION: dict[str, Any] = {
    "object": "embedding.collection",
    "name": "manuals",
    "count": 1200,
    "dimensions": 1536,
    "model": "text-embedding-3-small",
    "bytes": 7512000,
    "created_at": "2026-11-20T10:00:00Z",
}
_MATCH: dict[str, Any] = {
    "object": "embedding.match",
    "id": "manual-7",
    "score": 0.8312,
    "metadata": {"lang": "en", "page": 7},
}


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


Matches = Annotated[int, Field(ge=1, le=MOST_MATCHES)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
VectorId = Annotated[str, Field(pattern=f"^(?s:.){{1,{MOST_ID_CHARACTERS}}}$")]


class SearchQuestion(Body):
    """What to search for, and in which collection. Either `query` or `vector` is given."""

    model_config = _example(
        collection="manuals", query="How is the filter cleaned?", top_k=5, filter={"lang": "en", "page": {"$lt": 100}}
    )

    collection: rules.Name = Field(description="The name of the collection.")
    query: Annotated[str, Field(pattern=r"\S")] | None = Field(
        None, description="A text. It is embedded as the collection's own inputs were, by a call like any of the key's."
    )
    vector: Annotated[list[Number], Field(min_length=1, max_length=MOST_DIMENSIONS)] | None = Field(
        None, description="A vector of as many numbers as the collection's have; its length does not matter."
    )
    top_k: Matches | None = Field(None, description="The most matches. Default: 10.")
    limit: Matches | None = Field(None, description="Another name of `top_k`.")
    filter: Annotated[dict[str, Any], Field(max_length=MOST_CONDITIONS)] | None = Field(
        None, description="Conditions that the metadata must fulfil."
    )
    min_score: Annotated[float, Field(ge=-1, le=1)] | None = Field(None, description="Leave out what is less alike.")
    include_metadata: bool = Field(True, description="Whether matches show their metadata.")
    include_vectors: bool = Field(
        False, description=f"Whether matches show their vectors; then at most {MOST_MATCHES_WITH_VECTORS} of them."
    )
    model: rules.Model | None = Field(None, description="The collection's model, to be refused if it is another.")


class MatchView(BaseModel):
    """A vector that was found."""

    model_config = _example(**_MATCH)

    object: str = Field(description="`embedding.match`.")
    id: str = Field(description="Its id.")
    score: float = Field(description="The cosine of the angle between it and the question, from -1 to 1.")
    metadata: dict[str, Any] | None = Field(None, description="What was kept with it, unless it was not asked for.")
    vector: list[float] | None = Field(None, description="Its numbers, if they were asked for.")


class SearchAnswer(BaseModel):
    """What was found, best first."""

    model_config = _example(
        object="list",
        collection="manuals",
        model="text-embedding-3-small",
        data=[_MATCH],
        usage={"prompt_tokens": 6, "total_tokens": 6},
    )

    object: str = Field(description="`list`.")
    collection: str = Field(description="Where it was found.")
    model: str | None = Field(description="What the vectors were made by, as the call that made them named it.")
    data: list[MatchView] = Field(description="The matches, of equal ones the one that was kept first.")
    usage: dict[str, Any] | None = Field(None, description="What embedding the `query` used, as the upstream told.")


class Removal(Body):
    """Vectors to delete."""

    model_config = _example(ids=["manual-7", "manual-8"])

    ids: list[VectorId] = Field(
        min_length=1, max_length=MOST_REMOVED, description="Their ids; those that are not there are passed over."
    )


class CollectionView(BaseModel):
    """A collection."""

    model_config = _example(**_COLLECTION)

    object: str = Field(default="embedding.collection", description="`embedding.collection`.")
    name: str = Field(description="Its name.")
    count: int = Field(description="How many vectors it holds.")
    dimensions: int = Field(description="The length of each.")
    model: str | None = Field(description="What they were made by, as the call that made them named it.")
    bytes: int = Field(description="What it takes in storage, with what was replaced in it lately.")
    created_at: Moment = Field(description="When its first vectors were kept.")

    @classmethod
    def of(cls, head: Collection, count: int) -> CollectionView:
        """The view of a collection that holds so many vectors."""
        return cls(
            name=head.name,
            count=count,
            dimensions=head.dimensions,
            model=head.model,
            bytes=head.size,
            created_at=head.created_at,
        )


class CollectionsAnswer(BaseModel):
    """A tenant's collections, by name."""

    model_config = _example(object="list", data=[_COLLECTION])

    object: str = Field(default="list", description="`list`.")
    data: list[CollectionView] = Field(description="All of them.")


class RemovalAnswer(BaseModel):
    """What was deleted."""

    model_config = _example(object="embedding.removal", collection="manuals", deleted=2)

    object: str = Field(default="embedding.removal", description="`embedding.removal`.")
    collection: str = Field(description="Out of which collection.")
    deleted: int = Field(description="How many of the vectors were there.")
