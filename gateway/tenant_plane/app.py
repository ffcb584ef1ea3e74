"""The tenant plane as one ASGI app: FastAPI behind the guard."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

import gateway
from gateway.management import problems
from gateway.management.guard import Guard
from gateway.tenant_plane import catalog
from gateway.tenant_plane.context import TenantContext, admit


def create_tenant_plane(context: TenantContext) -> FastAPI:
    """The app for every path under gateway.asgi.TENANT_PREFIXES; the scope's path arrives whole.

    Answers all errors of the tree itself. What is not in the tree is raised to the app it is mounted in.
    """
    app = FastAPI(
        title="Roundhouse tenant API",
        version=gateway.__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,
    )
    app.state.context = context
    app.add_middleware(Guard, admit=partial(admit, context))
    prefixes = (catalog.PREFIX, catalog.EMBEDDINGS_PREFIX)
    problems.refuse_in_our_words(app, prefixes, "docs/catalog.md names them all")
    app.include_router(catalog.router, prefix=catalog.PREFIX)
    app.include_router(catalog.embeddings, prefix=catalog.EMBEDDINGS_PREFIX)
    return app
