"""Who calls."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.errors import InvalidApiKey, PermissionDenied
from gateway.proxy.authenticate import authenticate
from gateway.registry.snapshot import build
from tests.builders import EPOCH, SECRET, api_key, tenant

SNAPSHOT = build([], [tenant()], [api_key()])


def headers(key):
    return [(b"authorization", b"Bearer " + key.encode())]


def test_a_known_key_is_its_tenants():
    assert authenticate(headers(SECRET), SNAPSHOT, lambda: EPOCH).tenant.id == "local"


@pytest.mark.parametrize(
    "key",
    ["", "rh", "rh-local0-", "rh-local0-wrong", "rh-other-secret", "sk-local0-x", "' or 1 eq 1", SECRET[:-1], "é"],
)
def test_any_other_key_is_refused(key):
    with pytest.raises(InvalidApiKey) as caught:
        authenticate([(b"api-key", key.encode())], SNAPSHOT, lambda: EPOCH)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    assert (b"www-authenticate", b"Bearer") in caught.value.headers()
    assert not key or key == "rh" or key not in caught.value.message


def test_no_key_at_all_is_told_where_to_put_it():
    with pytest.raises(InvalidApiKey, match="X-API-Key"):
        authenticate([], SNAPSHOT, lambda: EPOCH)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"active": False}, "switched off"),
        ({"start_utc": EPOCH + HOUR}, "may call from 2026-01-01T01:00:00"),
        ({"end_utc": EPOCH}, "could call until 2026-01-01T00:00:00"),
    ],
)
def test_a_tenant_that_may_not_call_now_is_told_why(fields, says):
    with pytest.raises(PermissionDenied, match=says) as caught:
        authenticate(headers(SECRET), build([], [tenant(**fields)], [api_key()]), lambda: EPOCH)
    assert caught.value.status == 403


def test_a_tenant_inside_its_window_may_call():
    inside = tenant(start_utc=EPOCH - HOUR, end_utc=EPOCH + HOUR)
    assert authenticate(headers(SECRET), build([], [inside], [api_key()]), lambda: EPOCH).tenant == inside
