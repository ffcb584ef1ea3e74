"""The tenant plane's rate limits: so many reads and so many writes a minute for each tenant, over all instances."""

from __future__ import annotations

from datetime import datetime

from starlette.types import ASGIApp

from gateway.asgi import Headers, Message, Receive, Scope, Send
from gateway.errors import RateLimited
from gateway.limits.accounts import Amounts
from gateway.limits.tenant_accounts import api_account
from gateway.limits.windows import window
from gateway.quotas.quotas import Quotas
from gateway.registry.tenants import Tenant

# Sent with POST, for their questions are bodies; they change nothing.
READING_POSTS = frozenset({"/api/v1/embedding-models/select", "/api/v1/embeddings/search"})

_ONE = Amounts(requests=1)
# Where in a request's scope the headers wait for its answer.
_STANDING = "rate_limit"


async def admit_at_rate(quotas: Quotas, tenant: Tenant, scope: Scope, now: datetime) -> None:
    """Count a request against its tenant's limit. Raises RateLimited once that is reached.

    Either way the scope has the headers afterwards that TellsRates adds to the answer.
    """
    reads = scope["method"] in ("GET", "HEAD") or scope["path"] in READING_POSTS
    account = api_account(tenant, writes=not reads)
    [limit] = account.limits
    try:
        reservation = await quotas.reserve([account], _ONE)
    except RateLimited as refusal:
        scope[_STANDING] = _headers(limit.amount, 0, window(limit.period, now, account.zone).end)
        raise RateLimited(
            f"There may be {limit.amount} {account.label} in a minute.", retry_after=refusal.retry_after
        ) from None
    reservation.settle(_ONE)
    [standing] = reservation.standings()
    scope[_STANDING] = _headers(limit.amount, standing.remaining, standing.window.end)


class TellsRates:
    """ASGI middleware around the guard: every answer says how its tenant's rate limit stands, refusals too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *scope.get(_STANDING, ())]
            await send(message)

        await self._app(scope, receive, tell)


def _headers(limit: int, remaining: int, resets: datetime) -> Headers:
    """`reset` is the moment at which the window ends, in seconds since 1970."""
    return [
        (b"x-ratelimit-limit", b"%d" % limit),
        (b"x-ratelimit-remaining", b"%d" % remaining),
        (b"x-ratelimit-reset", b"%d" % resets.timestamp()),
    ]
