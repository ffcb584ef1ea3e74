"""The control plane as one ASGI app: FastAPI behind the guard."""

from __future__ import annotations

from functools import partial

from fastapi import Depends
from fastapi.security import HTTPBearer

from gateway.asgi import MLFLOW_PREFIX
from gateway.management import (
    deployments,
    docs,
    endpoint_lifecycle,
    endpoints,
    explain,
    keys,
    problems,
    providers,
    tenants,
    usage,
    webhooks,
)
from gateway.management.context import ManagementContext
from gateway.management.guard import PREFIX, Guard, admit_operator
from gateway.management.plane import Plane

DESCRIPTION = """\
Registers the deployments that the gateway sends calls to, the endpoints that gather them under one name, the keys that
they use, and the tenants that may call.

Every route but this document and its page asks for a management token: `Authorization: Bearer <management token>`.
The gateway makes the first one at its first start; it is the RowKey of the row with PartitionKey `management` in the
storage table `management`. A tenant's API key is no management token.

Bodies are JSON objects of at most 1 MB. Unknown fields are refused, and types are strict: `"true"` is no boolean.

Every error under `/api/v1/management` has the same shape, `{"error": {"message", "type", "param", "code"}}`, and every
answer carries `x-request-id`. An unknown path is 404 `not_found`, a known one with another method 405
`method_not_allowed` with the header `allow`, a failure of the gateway itself 500 `internal_error`. A 503 carries
`retry-after` when a retry can work. Under `/api/3.0/mlflow/gateway` the same errors have MLflow's shape,
`{"error_code", "message"}`: 404 `RESOURCE_DOES_NOT_EXIST`, 405 and 413 `BAD_REQUEST`, 500 `INTERNAL_ERROR`.
"""

# The guard has asked for the token already; this tells OpenAPI, and so the clients generated from it.
_BEARER = HTTPBearer(
    scheme_name="management token", description="A management token, not a tenant's API key.", auto_error=False
)


def create_management(context: ManagementContext) -> Plane:
    """The app for every path under `/api/v1/management` and MLflow's prefix; the scope's path arrives whole.

    Answers all errors of the tree itself. What is not in the tree is raised to the app it is mounted in.
    """
    app = Plane("Roundhouse management API", DESCRIPTION, context)
    app.add_middleware(Guard, admit=partial(admit_operator, context.tables))
    problems.refuse_in_our_words(app, (MLFLOW_PREFIX, PREFIX), "/api/v1/management/docs names them all")
    for router in (deployments.router, tenants.tenants, tenants.keys, explain.router, usage.router, webhooks.router):
        app.include_router(router, prefix=PREFIX, dependencies=[Depends(_BEARER)])
    for router in (endpoints.router, endpoint_lifecycle.router, keys.router, providers.router):
        app.include_router(router, prefix=MLFLOW_PREFIX, dependencies=[Depends(_BEARER)])
    app.include_router(docs.router, prefix=PREFIX)
    return app
