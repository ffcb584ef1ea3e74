"""Who calls: from the API key a request presents to its tenant."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime

from gateway.errors import InvalidApiKey, PermissionDenied
from gateway.openai.headers import key_header, key_in
from gateway.registry.snapshot import Caller, Snapshot
from gateway.registry.tenants import Tenant, public_id

# Who sends one good key in ever other ways fills no memory with it.
MOST_RECOGNIZED = 10_000


def authenticate(headers: Iterable[tuple[bytes, bytes]], snapshot: Snapshot, utc_now: Callable[[], datetime]) -> Caller:
    """The caller behind a request; from memory alone.

    Raises InvalidApiKey when no key is presented or it is not known, PermissionDenied when its tenant may not call now.
    """
    caller = _recognized(headers, snapshot)
    check_time(caller.tenant, utc_now)
    return caller


def check_time(tenant: Tenant, utc_now: Callable[[], datetime]) -> None:
    """Raises PermissionDenied for a tenant that may not call now."""
    if not tenant.active:
        raise PermissionDenied("This API key's tenant is switched off.")
    if tenant.start_utc is not None and utc_now() < tenant.start_utc:
        raise PermissionDenied(f"This API key may call from {tenant.start_utc.isoformat()} on.")
    if tenant.end_utc is not None and utc_now() >= tenant.end_utc:
        raise PermissionDenied(f"This API key could call until {tenant.end_utc.isoformat()}.")


def _recognized(headers: Iterable[tuple[bytes, bytes]], snapshot: Snapshot) -> Caller:
    """Whose key it is. A header that held a good key once is recognized, for as long as the snapshot lives."""
    header = key_header(headers)
    if header is None:
        raise InvalidApiKey(
            "No API key was sent. Send it as 'Authorization: Bearer KEY', 'api-key: KEY', 'X-API-Key: KEY' "
            "or 'x-goog-api-key: KEY'."
        )
    # By its digest: what is kept is no secret, and a look-up takes no time that would tell of one.
    sign = header[0], hashlib.sha256(header[1]).digest()
    caller = snapshot.recognized.get(sign)
    if caller is None:
        caller = _identified(key_in(header), snapshot)
        if len(snapshot.recognized) < MOST_RECOGNIZED:
            snapshot.recognized[sign] = caller
    return caller


def _identified(presented: str, snapshot: Snapshot) -> Caller:
    caller = snapshot.callers.get(public_id(presented) or "")
    if caller is None or not caller.key.matches(presented):
        raise InvalidApiKey("The API key is not known. Check it, or ask your operator for one.")
    return caller
