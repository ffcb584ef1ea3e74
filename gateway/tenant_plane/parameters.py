"""Parameters of the tenant plane's paths and queries, each with its rule, and the paging that two of them mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Path, Query

from gateway.management import rules
from gateway.tenant_plane.catalog_models import Pagination
from gateway.tenant_plane.moments import Uuid
from gateway.tenant_plane.usage_models import MODEL_ID

T = TypeVar("T")

ModelId = Annotated[Uuid, Path(description="The model's `id` in the catalog.", examples=[MODEL_ID])]
OneModel = Annotated[
    Uuid | None, Query(description="Of this model alone, by its `id` in the catalog.", examples=[MODEL_ID])
]
Page = Annotated[
    int, Query(ge=1, le=1_000_000, description="Which page; past the end it is an empty one.", examples=[1])
]
Limit = Annotated[int, Query(ge=1, le=100, description="How many to a page.", examples=[20])]
Provider = Annotated[rules.Label | None, Query(description="Of this provider alone.", examples=["bedrock"])]
ModelType = Annotated[
    rules.Label | None, Query(description="Of this type alone: `embedding`, `chat`, …", examples=["embedding"])
]
AvailableOnly = Annotated[bool, Query(description="Leave out what is not available.", examples=[True])]
EnabledOnly = Annotated[bool, Query(description="Leave out what is not enabled.", examples=[True])]
Period = Annotated[
    str, rules.OneOf(("day", "month")), Query(description="Of the running day or month (UTC).", examples=["month"])
]


def paged(found: Sequence[T], page: int, limit: int) -> tuple[Sequence[T], Pagination]:
    """The part of a list that is one page, and where it lies."""
    pages = -(-len(found) // limit)
    return found[(page - 1) * limit : page * limit], Pagination(page=page, limit=limit, total=len(found), pages=pages)
