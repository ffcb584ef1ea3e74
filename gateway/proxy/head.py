"""What the head of a request asks for; read once for all requests of a connection whose heads are alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode
from weakref import ReferenceType, ref

import msgspec

from gateway.asgi import SAME_HEAD, Scope
from gateway.errors import MethodNotAllowed, NotFound
from gateway.openai import headers as wire_headers
from gateway.openai.operations import Action
from gateway.openai.query import read_query
from gateway.openai.routes import Route
from gateway.openai.thing_ids import Home, ThingIds, UnknownThing
from gateway.proxy.authenticate import authenticate, check_time
from gateway.registry.snapshot import Caller, Snapshot

_NONE: dict[str, Any] = {}


class Head(msgspec.Struct, frozen=True):
    """A request's head, as it was read.

    ids: what reads and makes the ids of the caller's things. path: as the upstream knows it. query: what is passed on
    of it; api_version: what is not. headers: the lines of those that may pass. content_type: empty, if none was told.
    """

    caller: Caller
    route: Route
    action: Action
    ids: ThingIds
    path: str
    query: str
    headers: bytes
    api_version: str | None
    content_type: bytes


def read_head(scope: Scope, route: Route, snapshot: Snapshot, utc_now: Callable[[], datetime]) -> Head:
    """Who calls, and what for. What was read of a head alike counts while the snapshot does.

    Raises InvalidApiKey, PermissionDenied, MethodNotAllowed, InvalidRequest, and NotFound for an id that is not the
    caller's.
    """
    kept = scope.get("extensions", _NONE).get(SAME_HEAD)
    if kept:
        # No more than a reference, for a connection that rests may outlive many a snapshot.
        made_for: ReferenceType[Snapshot]
        head: Head
        made_for, head = kept["head"]
        if made_for() is snapshot:
            check_time(head.caller.tenant, utc_now)
            return head
    head = head_of(scope, route, authenticate(scope["headers"], snapshot, utc_now), snapshot.id_secret)
    if kept is not None:
        kept["head"] = ref(snapshot), head
    return head


def head_of(scope: Scope, route: Route, caller: Caller, id_secret: bytes) -> Head:
    """The same for a caller who is known already."""
    action = route.actions.get(scope["method"])
    if action is None:
        raise MethodNotAllowed(allow=", ".join(sorted(route.actions)))
    ids = ThingIds(id_secret, caller.tenant.identity)
    headers = scope["headers"]
    version, query = read_query(scope.get("query_string", b""))
    return Head(
        caller=caller,
        route=route,
        action=action,
        ids=ids,
        path=_path(route, action, ids),
        query=urlencode(query) if query else "",
        headers=wire_headers.to_upstream(headers),
        api_version=version,
        content_type=next((value for name, value in headers if name == b"content-type"), b""),
    )


def _path(route: Route, action: Action, ids: ThingIds) -> str:
    """The path as the upstream knows it."""
    if route.native_path is not None:
        return route.native_path
    if route.id is None:
        return action.path
    return action.path.replace("{id}", quote(home(ids, route.id).upstream_id, safe=""))


def home(ids: ThingIds, issued: str) -> Home:
    """Where the thing of an id lives. Raises NotFound for an id that is not the caller's."""
    try:
        return ids.read(issued)
    except UnknownThing:
        raise unknown_thing(issued) from None


def unknown_thing(issued: str) -> NotFound:
    """The 404 of an id that nobody made, or somebody else."""
    return NotFound(f"No such response, file or batch: '{issued[:100]}'.")
