"""A table service that makes up as many tenants and deployments as it is told, page by page, when they are listed.

python -m benchmarks.table_service TENANTS DEPLOYMENTS UPSTREAM   prints its connection string's endpoint.
It answers lists of two tables and nothing else: storage's own client is what reads them, at storage's own page size.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from benchmarks.roundhouse import ENCRYPTION_KEY, EPOCH, LIMITS
from benchmarks.workload import MODEL
from gateway.local.azurite import ACCOUNT
from gateway.local.port import listen, url_of
from gateway.registry.deployments import Deployment
from gateway.registry.tenants import ApiKey, Tenant, compose, fingerprint
from gateway.storage import columns
from gateway.storage.deployments import COLUMNS, SEALED
from gateway.storage.deployments import TABLE as DEPLOYMENTS
from gateway.storage.rows import Value
from gateway.storage.seal import Seal
from gateway.storage.tenant_rows import KEY_PREFIX, TENANT, key_values, tenant_values
from gateway.storage.tenants import TABLE as TENANTS

CLASS = "openai-chat"
JSON = b"application/json;odata=minimalmetadata"


def api_key_of(number: int) -> str:
    """What the client of a tenant sends."""
    return compose(f"k{number:06}", "secret-of-the-benchmark")


def entity(partition: str, key: str, values: dict[str, Value]) -> str:
    """A row as storage writes it."""
    found: dict[str, Any] = {"odata.etag": "W/\"datetime'2026-01-01'\"", "PartitionKey": partition, "RowKey": key}
    for name, value in values.items():
        if isinstance(value, datetime):
            found[f"{name}@odata.type"], found[name] = "Edm.DateTime", value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**31:
            found[f"{name}@odata.type"], found[name] = "Edm.Int64", str(value)
        else:
            found[name] = value
    return json.dumps(found)


def tenant_entity(number: int) -> str:
    """Row 2 n is the API key of tenant n, row 2 n + 1 the tenant itself: their order in storage."""
    tenant_id = f"tenant-{number // 2:06}"
    if number % 2:
        tenant = Tenant(id=tenant_id, name=f"Tenant {number // 2}", limits=LIMITS, created_at=EPOCH)
        return entity(tenant_id, TENANT, tenant_values(tenant, None, {}))
    presented = api_key_of(number // 2)
    key_id = presented.split("-")[1]
    key = ApiKey(id=key_id, tenant_id=tenant_id, name="", sha256=fingerprint(presented), created_at=EPOCH)
    return entity(tenant_id, KEY_PREFIX + key_id, key_values(key))


def deployment(number: int, upstream: str) -> Deployment:
    """One of those that serve the benchmark's model."""
    return Deployment(
        deployment_class=CLASS,
        friendly_name=f"east-{number:06}",
        deployment_name=MODEL,
        endpoint_key=f"key-{number}",
        endpoint_url=upstream,
        models=(MODEL,),
        operations=("chat",),
    )


def deployment_entity(number: int, upstream: str, seal: Seal) -> str:
    """A deployment's row, its key sealed."""
    made = deployment(number, upstream)
    values = dict(columns.values(COLUMNS, made, None, {}))
    context = f"{DEPLOYMENTS}/{CLASS}/{made.friendly_name}"
    values[SEALED] = seal.close(made.endpoint_key or "", context)
    return entity(CLASS, made.friendly_name, values)


class TableService:
    """The ASGI app. A continuation token is the number of the next row."""

    def __init__(self, tables: dict[str, tuple[int, Callable[[int], str]]]) -> None:
        self._tables = tables

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """List a page."""
        table = scope["path"].rpartition("/")[2].removesuffix("()")
        asked = parse_qs(scope["query_string"].decode())
        size, row = self._tables[table]
        begin = int(asked.get("NextRowKey", ["0"])[0])
        end = min(size, begin + int(asked["$top"][0]))
        headers = [(b"content-type", JSON)]
        if end < size:
            headers += [(b"x-ms-continuation-NextPartitionKey", b"p"), (b"x-ms-continuation-NextRowKey", b"%d" % end)]
        body = f'{{"value":[{",".join(map(row, range(begin, end)))}]}}'.encode()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def service(tenants: int, deployments: int, upstream: str) -> TableService:
    """So many tenants, each with one API key, and so many deployments of that upstream."""
    seal = Seal.from_setting(ENCRYPTION_KEY)
    return TableService(
        {
            TENANTS: (2 * tenants, tenant_entity),
            DEPLOYMENTS: (deployments, lambda number: deployment_entity(number, upstream, seal)),
        }
    )


def main(tenants: int, deployments: int, upstream: str) -> None:
    """Serve until told to end."""
    import uvicorn

    listener = listen("127.0.0.1", 0)
    print(f"{url_of(listener)}/{ACCOUNT}", flush=True)
    config = uvicorn.Config(
        service(tenants, deployments, upstream), lifespan="off", ws="none", access_log=False, log_level="warning"
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
