"""Providers' own APIs: which of their paths pass, and where those name the model."""

from __future__ import annotations

import re
from urllib.parse import quote

# What asks a model, and what tells which there are. Nothing else passes: the same credential may open far more of a
# provider than its models. `place` is Vertex's project and location. Paths are percent-decoded.
_PATHS = {
    "anthropic": re.compile(r"v1/(?:messages|messages/count_tokens|complete|models(?:/[^/]+)?)"),
    "gemini": re.compile(r"v1(?:beta|alpha)?/models(?:/(?P<model>[^/:]+)(?::\w+)?)?"),
    "vertex": re.compile(
        r"v1(?:beta1)?/(?:(?P<place>projects/[^/]+/locations/[^/]+)/)?publishers/[^/]+/models/"
        r"(?:count-tokens|(?P<model>[^/:]+)):\w+"
    ),
    "bedrock": re.compile(
        r"model/(?P<model>.+)/(?:invoke|invoke-with-response-stream|converse|converse-stream|count-tokens)"
    ),
}
_COUNTS = re.compile(r"[/:]count[_-]?tokens(?::\w+)?$", re.IGNORECASE)
_PLACE = re.compile(r"projects/[^/]+/locations/[^/]+")


def passes(operation: str, path: str) -> bool:
    """Whether a native operation takes this path."""
    return _PATHS[operation].fullmatch(path) is not None


def model_in_path(operation: str, path: str) -> str | None:
    """The model that a native path names; None when it names none, as Anthropic's never do."""
    found = _PATHS[operation].fullmatch(path) if operation in _PATHS else None
    return found.groupdict().get("model") if found is not None else None


def counts_only(path: str) -> bool:
    """Whether a native path has tokens counted and asks the model nothing: count_tokens, countTokens, count-tokens."""
    return "count" in path and _COUNTS.search(path) is not None


def upstream_path(operation: str, path: str, model: str, root: str) -> str:
    """The path as a deployment is asked: its own model, and its own project and location where `root` names them."""
    found = _PATHS[operation].fullmatch(path)
    assert found is not None, "routes let no other path in"
    own_place = _PLACE.search(root)
    swaps = {"model": quote(model, safe=":"), "place": own_place[0] if own_place is not None else None}
    # The model stands behind the place: swapped first, it leaves the place where it was found.
    for name, own in swaps.items():
        if own is not None and found.groupdict().get(name) is not None:
            path = path[: found.start(name)] + own + path[found.end(name) :]
    return path
