"""Collections over the memory twin, and short ways to keep and to find."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Sequence
from typing import Any

from gateway.openai.collection import Keeping
from gateway.storage.rows import Tables
from gateway.vectors.collections import Collections
from gateway.vectors.filters import read_filter
from gateway.vectors.index import Question
from tests.builders import EPOCH

TENANT = "acme@1"


def answered(*vectors: Sequence[float], as_text: bool = False) -> bytes:
    """The answer of an embeddings call."""
    data = []
    for index, vector in enumerate(vectors):
        text = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": text if as_text else list(vector)})
    return json.dumps({"object": "list", "data": data, "model": "m", "usage": {"total_tokens": 1}}).encode()


def keeping(*ids: str, name: str = "docs", **metadata: Any) -> Keeping:
    """What keeps vectors under these ids, all with the same metadata."""
    return Keeping(name, ids, (json.dumps(metadata).encode() if metadata else b"{}",) * len(ids))


def collections(tables: Tables) -> Collections:
    """One instance's collections; another over the same tables is another instance."""
    return Collections(tables, lambda: EPOCH)


async def keep(here: Collections, vectors: dict[str, Sequence[float]], tenant: str = TENANT, **metadata: Any) -> None:
    """Keep vectors by id in the collection `docs`, by model m."""
    await here.keep(tenant, keeping(*vectors, **metadata), "m", answered(*vectors.values()))


async def find(
    here: Collections,
    vector: Sequence[float],
    most: int = 10,
    tenant: str = TENANT,
    wanted: dict[str, Any] | None = None,
    **question: Any,
) -> list[str]:
    """The ids that a search of `docs` finds, best first."""
    wanting = read_filter(wanted) if wanted else None
    found = await here.search(tenant, "docs", Question(vector, most, wanting, **question))
    return [each.id for each in found]
