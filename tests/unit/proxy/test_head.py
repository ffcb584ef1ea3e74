"""What is read of a head counts for the heads that are alike, while the registry and the clock allow it."""

from __future__ import annotations

import gc
import weakref
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.asgi import SAME_HEAD
from gateway.errors import InvalidApiKey, MethodNotAllowed, PermissionDenied
from gateway.openai.routes import route
from gateway.proxy.head import Head, read_head
from gateway.registry.snapshot import Snapshot, build
from tests.builders import EPOCH, SECRET, api_key, tenant

PATH = "/v1/chat/completions"
ROUTE = route(PATH)
assert ROUTE is not None
SNAPSHOT = build([], [tenant()], [api_key()])


def scope(kept: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    headers = [(b"api-key", SECRET.encode()), (b"content-type", b"application/json"), (b"cookie", b"a=b")]
    extensions = {} if kept is None else {"extensions": {SAME_HEAD: kept}}
    return {"method": "POST", "path": PATH, "query_string": b"", "headers": headers, **extensions, **fields}


def read(asked: dict[str, Any], snapshot: Snapshot = SNAPSHOT, now: datetime = EPOCH) -> Head:
    assert ROUTE is not None
    return read_head(asked, ROUTE, snapshot, lambda: now)


def test_a_head_is_read():
    head = read(scope(query_string=b"api-version=2024-10-21&a=b"))
    assert (head.caller.tenant.id, head.action.method, head.path) == ("local", "POST", "chat/completions")
    assert (head.api_version, head.query) == ("2024-10-21", "a=b")
    assert (head.headers, head.content_type) == (b"content-type: application/json\r\n", b"application/json")


def test_a_head_alike_is_not_read_again():
    kept: dict[str, Any] = {}
    assert read(scope(kept)) is read(scope(kept, headers=[]))


def test_a_head_alike_is_read_again_when_the_registry_has_changed():
    kept: dict[str, Any] = {}
    read(scope(kept))
    with pytest.raises(InvalidApiKey):
        read(scope(kept), build([], [tenant()], []))
    changed = build([], [tenant(max_token_cap=7)], [api_key()])
    assert read(scope(kept), changed).caller.tenant.max_token_cap == 7


def test_a_tenant_whose_time_is_over_is_refused_though_its_head_is_known():
    kept: dict[str, Any] = {}
    snapshot = build([], [tenant(end_utc=EPOCH + timedelta(hours=1))], [api_key()])
    read(scope(kept), snapshot)
    with pytest.raises(PermissionDenied):
        read(scope(kept), snapshot, EPOCH + timedelta(hours=2))


def test_what_is_refused_is_not_kept():
    kept: dict[str, Any] = {}
    with pytest.raises(MethodNotAllowed):
        read(scope(kept, method="PATCH"))
    with pytest.raises(InvalidApiKey):
        read(scope(kept, headers=[]))
    assert kept == {}


def test_a_connection_that_rests_keeps_no_old_registry_alive():
    kept: dict[str, Any] = {}
    snapshot = build([], [tenant()], [api_key()])
    read(scope(kept), snapshot)
    gone = weakref.ref(snapshot)
    del snapshot
    gc.collect()
    assert kept and gone() is None
