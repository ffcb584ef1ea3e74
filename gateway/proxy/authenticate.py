"""Who calls: from the API key a request presents to its tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from gateway.errors import InvalidApiKey, PermissionDenied
from gateway.openai.headers import presented_key
from gateway.registry.snapshot import Caller, Snapshot
from gateway.registry.tenants import public_id


def authenticate(headers: Iterable[tuple[bytes, bytes]], snapshot: Snapshot, utc_now: Callable[[], datetime]) -> Caller:
    """The caller behind a request; from memory alone.

    Raises InvalidApiKey when no key is presented or it is not known, PermissionDenied when its tenant may not call now.
    """
    presented = presented_key(headers)
    if not presented:
        raise InvalidApiKey(
            "No API key was sent. Send it as 'Authorization: Bearer KEY', 'api-key: KEY', 'X-API-Key: KEY' "
            "or 'x-goog-api-key: KEY'."
        )
    caller = snapshot.callers.get(public_id(presented) or "")
    if caller is None or not caller.key.matches(presented):
        raise InvalidApiKey("The API key is not known. Check it, or ask your operator for one.")
    tenant = caller.tenant
    if not tenant.active:
        raise PermissionDenied("This API key's tenant is switched off.")
    if tenant.start_utc is not None and utc_now() < tenant.start_utc:
        raise PermissionDenied(f"This API key may call from {tenant.start_utc.isoformat()} on.")
    if tenant.end_utc is not None and utc_now() >= tenant.end_utc:
        raise PermissionDenied(f"This API key could call until {tenant.end_utc.isoformat()}.")
    return caller
