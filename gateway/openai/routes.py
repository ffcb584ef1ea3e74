"""From a path to the operation it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.openai import native
from gateway.openai.operations import BY_NAME, OPERATIONS, Action, Operation

OPENAI_PREFIXES = ("/v1/", "/api/v1/", "/openai/v1/")
AZURE_PREFIXES = ("/openai/deployments/", "/api/v1/openai/deployments/")
# AzureOpenAI asks here for what is not bound to a deployment.
AZURE_RESOURCE_PREFIXES = ("/openai/", "/api/v1/openai/")
PASSTHROUGH_PREFIX = "/api/v1/passthrough/"
# Cohere's own version prefix, and seed 000's singular.
_ALIASES = {"/v2/rerank": "rerank", "/api/v2/rerank": "rerank"}
_COLLECTION_ALIASES = {"batch": "batches"}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads.

    actions: what it takes, by method. model: the model that an Azure path names. id: the id that the path names, as
    the caller sent it. native_path: what follows the provider's name on a pass-through path.
    """

    operation: Operation
    actions: Mapping[str, Action]
    model: str | None = None
    id: str | None = None
    native_path: str | None = None


def _actions() -> dict[str, tuple[Operation, dict[str, Action]]]:
    """Every path below the version prefix, `{id}` and all, with its operation and what it takes."""
    found: dict[str, tuple[Operation, dict[str, Action]]] = {}
    for operation in OPERATIONS:
        if operation.native:
            continue
        for action in operation.actions:
            found.setdefault(action.path, (operation, {}))[1][action.method] = action
    return found


_BY_PATH = _actions()
_COLLECTIONS = {path.partition("/")[0] for path in _BY_PATH if "{id}" in path}
_FIXED = {path: Route(*found) for path, found in _BY_PATH.items() if "{id}" not in path}
_FULL = {
    prefix + path: found for prefix in (*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES) for path, found in _FIXED.items()
}
_FULL |= {alias: _FIXED[path] for alias, path in _ALIASES.items()}
_NATIVE_ACTIONS = {"GET": Action("GET", ""), "POST": Action("POST", "", "any")}


def route(path: str) -> Route | None:
    """Where a (percent-decoded) path leads; None when it asks for no operation.

    OpenAI's style names the model in the body, Azure's in the path: /openai/deployments/{model}/chat/completions.
    """
    found = _FULL.get(path)
    if found is not None:
        return found
    for prefix in AZURE_PREFIXES:
        if path.startswith(prefix):
            model, _, rest = path[len(prefix) :].partition("/")
            fixed = _FIXED.get(rest)
            return Route(fixed.operation, fixed.actions, model) if fixed is not None and model else None
    if path.startswith(PASSTHROUGH_PREFIX):
        name, _, rest = path[len(PASSTHROUGH_PREFIX) :].partition("/")
        operation = BY_NAME.get(name)
        if operation is None or not operation.native or not native.passes(name, rest):
            return None
        return Route(operation, _NATIVE_ACTIONS, native_path=rest)
    for prefix in (*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES):
        if path.startswith(prefix):
            thing = _thing(path[len(prefix) :])
            if thing is not None:
                return thing
    return None


def _thing(rest: str) -> Route | None:
    """A path that names a thing by its id: responses/{id}, files/{id}/content; or a collection by another name."""
    collection, below_it, below = rest.partition("/")
    collection = _COLLECTION_ALIASES.get(collection, collection)
    if collection not in _COLLECTIONS:
        return None
    if not below_it:
        return _FIXED[collection]
    name, slash, tail = below.partition("/")
    found = _BY_PATH.get(f"{collection}/{{id}}{slash}{tail}")
    return Route(*found, id=name) if found is not None and name else None


def models_path(path: str) -> str | None:
    """What a path of the models list names: "" for the list, an id for one model, None for another path."""
    for prefix in (*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES):
        if path == prefix + "models":
            return ""
        if path.startswith(prefix + "models/"):
            return path[len(prefix) + len("models/") :]
    return None
