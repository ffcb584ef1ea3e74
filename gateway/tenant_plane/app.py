"""The tenant plane as one ASGI app: FastAPI behind the guard."""

from __future__ import annotations

from functools import partial

from fastapi import Depends
from fastapi.security import APIKeyHeader

from gateway.asgi import ME_PATH
from gateway.management import problems
from gateway.management.guard import Guard
from gateway.management.plane import Plane
from gateway.tenant_plane import catalog, collections, context, docs, me, select, tenant_models, usage
from gateway.tenant_plane.context import TenantContext, admit
from gateway.tenant_plane.rates import TellsRates

DESCRIPTION = """\
The catalog of models; which of them a tenant uses, with what limits; what it used and what is left.

Every route but this document and its page asks for a tenant's API key, as `X-API-Key`, `api-key` or
`Authorization: Bearer`. A management token, as `Authorization: Bearer`, does as well, but for `GET /api/v1/me`: where a
tenant is meant it is named in `?tenant_id=`. Changes take a management token, or a key whose tenant has the permission
for them.

A tenant may send 100 reads and 10 writes a minute, over all instances; every answer says how that stands, in
`x-ratelimit-limit`, `x-ratelimit-remaining` and `x-ratelimit-reset` (seconds since 1970). Operators are not limited.

Bodies are JSON objects of at most 1 MB. Unknown fields are refused, and types are strict: `"true"` is no boolean.
Every error has the same shape, `{"error", "details"}`, and every answer carries `x-request-id`.
"""

# The guard has asked for the key already; this tells OpenAPI, and so the clients generated from it.
_KEY = APIKeyHeader(
    name="X-API-Key",
    scheme_name="API key",
    description="A tenant's API key; or a management token, as `Authorization: Bearer`.",
    auto_error=False,
)


def create_tenant_plane(given: TenantContext) -> Plane:
    """The app for every path under gateway.asgi.TENANT_PREFIXES; the scope's path arrives whole.

    Answers all errors of the tree itself. What is not in the tree is raised to the app it is mounted in.
    """
    app = Plane("Roundhouse tenant API", DESCRIPTION, given)
    app.add_middleware(Guard, admit=partial(admit, given))
    app.add_middleware(TellsRates)
    prefixes = (catalog.PREFIX, catalog.EMBEDDINGS_PREFIX, context.PREFIX, ME_PATH)
    problems.refuse_in_our_words(app, prefixes, f"{context.PREFIX}/docs names them all")
    for prefix, router in (
        (catalog.PREFIX, catalog.router),
        (catalog.PREFIX, select.router),
        (catalog.EMBEDDINGS_PREFIX, catalog.embeddings),
        (catalog.EMBEDDINGS_PREFIX, collections.router),
        (context.PREFIX, usage.router),
        (context.PREFIX, tenant_models.router),
        (ME_PATH, me.router),
    ):
        app.include_router(router, prefix=prefix, dependencies=[Depends(_KEY)])
    app.include_router(docs.router, prefix=context.PREFIX)
    return app
