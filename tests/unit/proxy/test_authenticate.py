"""Who calls."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.errors import InvalidApiKey, PermissionDenied
from gateway.proxy.authenticate import MOST_RECOGNIZED, authenticate
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


def test_a_key_is_known_again_in_the_header_that_held_it_and_in_no_other():
    snapshot = build([], [tenant()], [api_key()])
    basic, mine = (b"authorization", b"Basic abc"), (b"api-key", SECRET.encode())
    for _ in range(2):
        assert authenticate([basic, mine], snapshot, lambda: EPOCH).key.id == "local0"
        with pytest.raises(InvalidApiKey):
            authenticate([basic], snapshot, lambda: EPOCH)
        with pytest.raises(InvalidApiKey):
            authenticate([(b"api-key", b"Bearer " + SECRET.encode())], snapshot, lambda: EPOCH)
        assert authenticate(headers(SECRET), snapshot, lambda: EPOCH).key.id == "local0"
    assert len(snapshot.recognized) == 2


def test_nothing_that_is_remembered_of_a_key_is_the_key():
    snapshot = build([], [tenant()], [api_key()])
    authenticate(headers(SECRET), snapshot, lambda: EPOCH)
    ((_, digest),) = snapshot.recognized
    assert len(digest) == 32
    assert SECRET.encode() not in digest and SECRET not in repr(snapshot)


def test_one_key_sent_in_ever_other_ways_fills_no_memory():
    snapshot = build([], [tenant()], [api_key()])
    for number in range(MOST_RECOGNIZED + 10):
        authenticate([(b"api-key", SECRET.encode() + b" " * number)], snapshot, lambda: EPOCH)
    assert len(snapshot.recognized) == MOST_RECOGNIZED


def test_a_key_that_is_gone_from_the_registry_is_not_recognized():
    before, after = build([], [tenant()], [api_key()]), build([], [tenant()], [])
    authenticate(headers(SECRET), before, lambda: EPOCH)
    with pytest.raises(InvalidApiKey):
        authenticate(headers(SECRET), after, lambda: EPOCH)
