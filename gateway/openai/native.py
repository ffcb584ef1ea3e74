"""Where a provider's own API names the model: in its path, or in its body."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

# {operation: the model's place in the path}; Anthropic names it in the body, as OpenAI does.
_IN_PATH = {
    "gemini": re.compile(r"(?:^|/)models/([^:/]+)"),
    "vertex": re.compile(r"(?:^|/)models/([^:/]+)"),
    "bedrock": re.compile(r"^model/([^/]+)"),
}


def model_in_path(operation: str, path: str) -> str | None:
    """The model that a native path names; None when it names none."""
    place = _IN_PATH.get(operation)
    found = place.search(path) if place is not None else None
    return unquote(found[1]) if found is not None else None


def swap_model_in_path(operation: str, path: str, name: str) -> str:
    """The path with another model's name, where it names one."""
    place = _IN_PATH.get(operation)
    found = place.search(path) if place is not None else None
    return path if found is None else path[: found.start(1)] + quote(name, safe=":") + path[found.end(1) :]
