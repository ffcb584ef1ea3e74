"""Lists in pages, as OpenAI answers them; and the list of models."""

from __future__ import annotations

from simulator.call import Call
from simulator.wire import Json

_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "gpt-image-1")


def page(values: list[Json], call: Call, default_limit: int) -> Json:
    """The page that `after`, `limit` and `order` name of values that come newest first."""
    if call.parameter("order") == "asc":
        values = values[::-1]
    after = call.parameter("after")
    start = next((index + 1 for index, value in enumerate(values) if value["id"] == after), 0)
    limit = call.parameter("limit")
    end = start + (int(limit) if limit.isdecimal() else default_limit)
    data = values[start:end]
    ids = [value["id"] for value in data] or [None]
    return {"object": "list", "data": data, "first_id": ids[0], "last_id": ids[-1], "has_more": end < len(values)}


def models(call: Call) -> Json:
    """A few well-known models; the simulator answers to any name."""
    return {"object": "list", "data": [_model(name) for name in _MODELS]}


def model(call: Call) -> Json:
    """One model, whatever its name."""
    return _model(call.path["id"])


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": 1700000000, "owned_by": "simulator"}
