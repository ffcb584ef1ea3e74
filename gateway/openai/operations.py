"""The operations table: one row for each kind of OpenAI call, and the look-up from a path to its row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of OpenAI call.

    name: the glossary's word. path: what follows the version prefix. deployment_class: the pool that serves it.
    stream_end: the data that closes its event streams, where OpenAI sends any. probe: the cheapest real body.
    """

    name: str
    path: str
    deployment_class: str
    stream_end: bytes | None
    probe: Mapping[str, Any]


OPERATIONS = (
    Operation(
        name="chat",
        path="chat/completions",
        deployment_class="openai-chat",
        stream_end=b"[DONE]",
        probe={"messages": [{"role": "user", "content": "ping"}], "max_tokens": 1},
    ),
    Operation(
        name="completion",
        path="completions",
        deployment_class="openai-completions",
        stream_end=b"[DONE]",
        probe={"prompt": "ping", "max_tokens": 1},
    ),
    Operation(
        name="embedding",
        path="embeddings",
        deployment_class="openai-embeddings",
        stream_end=None,
        probe={"input": "ping"},
    ),
    Operation(
        name="image_generation",
        path="images/generations",
        deployment_class="openai-images-generations",
        stream_end=None,
        probe={"prompt": "a dot", "n": 1},
    ),
)

BY_NAME = {operation.name: operation for operation in OPERATIONS}
BY_CLASS = {operation.deployment_class: operation for operation in OPERATIONS}

OPENAI_PREFIXES = ("/v1/", "/api/v1/", "/openai/v1/")
AZURE_PREFIXES = ("/openai/deployments/", "/api/v1/openai/deployments/")
# AzureOpenAI asks here for what is not bound to a deployment.
AZURE_RESOURCE_PREFIXES = ("/openai/", "/api/v1/openai/")

_BY_PATH = {operation.path: operation for operation in OPERATIONS}
_BY_FULL_PATH = {prefix + operation.path: operation for prefix in OPENAI_PREFIXES for operation in OPERATIONS}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads: the operation, and the model that an Azure path names."""

    operation: Operation
    model: str | None


def route(path: str) -> Route | None:
    """The operation a (percent-decoded) path asks for; None when it asks for none.

    OpenAI's style names the model in the body, Azure's in the path: /openai/deployments/{model}/chat/completions.
    """
    operation = _BY_FULL_PATH.get(path)
    if operation is not None:
        return Route(operation, None)
    for prefix in AZURE_PREFIXES:
        if path.startswith(prefix):
            model, _, rest = path[len(prefix) :].partition("/")
            operation = _BY_PATH.get(rest)
            return Route(operation, model) if operation is not None and model else None
    return None


def models_path(path: str) -> str | None:
    """What a path of the models list names: "" for the list, an id for one model, None for another path."""
    for prefix in (*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES):
        if path == prefix + "models":
            return ""
        if path.startswith(prefix + "models/"):
            return path[len(prefix) + len("models/") :]
    return None


def _spellings(operation: Operation) -> Iterable[str]:
    """Every way seed 000 and its users write an operation: short name, enum, path with and without prefix."""
    yield operation.name
    yield operation.path
    yield "v1/" + operation.path
    yield operation.deployment_class


_BY_SPELLING = {spelling: operation for operation in OPERATIONS for spelling in _spellings(operation)}


def spelled(text: str) -> Operation | None:
    """The operation that `chat`, `CHAT`, `/v1/chat/completions` or `openai-chat` means; None if none is."""
    return _BY_SPELLING.get(text.strip().strip("/").lower())
