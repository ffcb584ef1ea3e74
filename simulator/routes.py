"""The addresses the simulator answers at: one row for each way to reach an API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import unquote

from simulator.api import Api
from simulator.openai.apis import AZURE, OPENAI
from simulator.openai.operations import OPERATIONS
from simulator.operations import Operation
from simulator.providers import anthropic, bedrock, gemini, rerank, vertex
from simulator.record import Received


@dataclass(frozen=True, slots=True)
class _Address:
    """A pattern of paths: `prefix` stands before the API's own, `rest` is the operation, `model` names a model."""

    pattern: re.Pattern[str]
    api: Api
    operations: tuple[Operation, ...]


def _address(pattern: str, api: Api, operations: tuple[Operation, ...]) -> _Address:
    return _Address(re.compile(pattern), api, operations)


_ANY = r"(?P<prefix>.*?)"
_VERTEX = _ANY + r"/v1(?:beta1)?/projects/[^/]+/locations/[^/]+"

# The first that knows the operation answers; if none does, the first whose pattern fits says so in its own way.
_ADDRESSES = (
    _address(_ANY + r"/openai/deployments/(?P<model>[^/]+)/(?P<rest>.+)", AZURE, OPERATIONS),
    _address(_ANY + r"/v1beta/openai/(?P<rest>.+)", OPENAI, OPERATIONS),
    _address(_VERTEX + r"/endpoints/[^/]+/(?P<rest>.+)", OPENAI, OPERATIONS),
    _address(
        _VERTEX + r"/publishers/anthropic/models/count-tokens:(?P<rest>\w+)",
        vertex.VERTEX,
        vertex.COUNT_OPERATIONS,
    ),
    _address(
        _VERTEX + r"/publishers/(?P<publisher>[^/]+)/models/(?P<model>[^/:]+):(?P<rest>\w+)",
        vertex.VERTEX,
        vertex.MODEL_OPERATIONS,
    ),
    _address(
        _ANY + r"/v1(?:beta|alpha)?/models/(?P<model>[^/:]+):(?P<rest>\w+)",
        gemini.GEMINI,
        gemini.MODEL_OPERATIONS,
    ),
    _address(_ANY + r"/v1(?:beta|alpha)/(?P<rest>models(?:/[^/:]+)?)", gemini.GEMINI, gemini.OPERATIONS),
    _address(_ANY + r"/model/(?P<model>[^/]+)/(?P<rest>[^/]+)", bedrock.BEDROCK, bedrock.OPERATIONS),
    _address(_ANY + r"/voyage/v1/(?P<rest>rerank)", rerank.VOYAGE, rerank.VOYAGE_OPERATIONS),
    _address(_ANY + r"/v(?P<version>[12])/(?P<rest>rerank)", rerank.COHERE, rerank.COHERE_OPERATIONS),
    _address(_ANY + r"/v1/(?P<rest>messages(?:/.+)?)", anthropic.ANTHROPIC, anthropic.OPERATIONS),
    _address(r"(?P<prefix>.*)/v1/(?P<rest>.+)", OPENAI, OPERATIONS),  # the last `/v1`: a prefix may hold others
    _address(r"(?P<prefix>.*)/openai/(?P<rest>.+)", AZURE, OPERATIONS),
)
# OpenAI, Anthropic and Gemini have their models at the same path; their clients' headers tell them apart.
_MODELS = _ANY + r"/v1/(?P<rest>models(?:/[^/]+)?)"
_MODEL_LISTS = {
    b"anthropic-version": _address(_MODELS, anthropic.ANTHROPIC, anthropic.OPERATIONS),
    b"x-goog-api-key": _address(_MODELS, gemini.GEMINI, gemini.OPERATIONS),
}

_ACCOUNT = re.compile(r"(?P<before>.*?/accounts/(?P<name>[^/]+))(?P<after>/.*)")


@dataclass(frozen=True, slots=True)
class Route:
    """What a path says: whose API is called, for which operation, and who is to answer."""

    api: Api
    prefix: str
    account: str
    """The name after `/accounts/` in the prefix; empty where there is none."""
    model: str
    """The model or deployment in the path; empty where the body names it."""
    operation: Operation | None
    variables: Mapping[str, str]
    """The variable parts of the path, such as `id`."""


def locate(received: Received) -> Route:
    """Read a request's path."""
    client = b""
    if received.method == "GET":
        client = next((header for header in _MODEL_LISTS if received.header(header)), b"")
    return _locate(received.method, received.path, client)


@lru_cache(maxsize=1024)
def _locate(method: str, path: str, client: bytes) -> Route:
    if account := _ACCOUNT.fullmatch(path):
        route = _locate(method, account["after"], client)
        return replace(route, prefix=account["before"] + route.prefix, account=unquote(account["name"]))
    unknown: Route | None = None
    for address in (_MODEL_LISTS[client], *_ADDRESSES) if client else _ADDRESSES:
        found = address.pattern.fullmatch(path)
        if found is None:
            continue
        for operation in address.operations:
            variables = operation.match(method, found["rest"])
            if variables is not None:
                return _route(address.api, found, operation, variables)
        unknown = unknown or _route(address.api, found, None, {})
    return unknown or Route(OPENAI, "", "", "", None, {})


def _route(api: Api, found: re.Match[str], operation: Operation | None, variables: Mapping[str, str]) -> Route:
    parts = {name: unquote(value) for name, value in found.groupdict().items()}
    return Route(api, found["prefix"], "", parts.get("model", ""), operation, {**parts, **variables})
