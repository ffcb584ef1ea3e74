"""The operations the simulator speaks: one row each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from simulator import answers, streams
from simulator.answers import Call
from simulator.errors import Style
from simulator.streams import Stream
from simulator.wire import Json


@dataclass(frozen=True, slots=True)
class Operation:
    """How one kind of call is answered."""

    method: str
    path: str
    required: tuple[str, ...]
    """Fields without which the body is refused."""
    answer: Callable[[Call], Json]
    stream: Callable[[Call], Stream] | None = None
    """How it is answered when the body says `"stream": true`; None where it never streams."""


_ROWS = (
    Operation("POST", "chat/completions", ("messages",), answers.chat, streams.chat),
    Operation("POST", "completions", ("prompt",), answers.completion, streams.completion),
    Operation("POST", "embeddings", ("input",), answers.embedding),
    Operation("POST", "images/generations", ("prompt",), answers.image),
    Operation("GET", "models", (), answers.models),
)
OPERATIONS = {(row.method, row.path): row for row in _ROWS}

# Azure's form is tried first, so that `/v1` may be a part of the prefix in front of it.
_AZURE = re.compile(r"(?P<prefix>.*?)/openai/deployments/(?P<deployment>[^/]+)/(?P<rest>.+)")
_OPENAI = re.compile(r"(?P<prefix>.*?)/v1/(?P<rest>.+)")


@dataclass(frozen=True, slots=True)
class Route:
    """What a path says: whose API it speaks, and for which operation."""

    style: Style
    prefix: str
    deployment: str
    """The name in an Azure path; empty where the body names it."""
    operation: Operation | None


@lru_cache(maxsize=1024)
def locate(method: str, path: str) -> Route:
    """Read a request's path."""
    if azure := _AZURE.fullmatch(path):
        operation = OPERATIONS.get((method, azure["rest"]))
        return Route("azure", azure["prefix"], unquote(azure["deployment"]), operation)
    if openai := _OPENAI.fullmatch(path):
        return Route("openai", openai["prefix"], "", OPERATIONS.get((method, openai["rest"])))
    return Route("openai", "", "", None)
