"""/health: is the process up. /health/ready: what it serves from."""

from __future__ import annotations

import json
from datetime import datetime

from gateway import __version__
from gateway.storage.refresh import Registry

PATHS = ("/health", "/health/ready")


def alive() -> bytes:
    """The process answers; nothing else is asked."""
    return json.dumps({"status": "ok", "version": __version__}).encode()


def ready(registry: Registry) -> tuple[int, bytes]:
    """Status and body. 200 as long as there is a registry to serve from, stale or not: an outage of storage that the
    gateway tolerates must not pull every instance out of rotation."""
    status = registry.status()
    snapshot = registry.snapshot
    body = {
        "status": "ready" if snapshot is not None else "unavailable",
        "registry": {
            "state": status.state,
            "deployments": len(snapshot.deployments) if snapshot is not None else 0,
            "loaded_at": _text(status.loaded_at),
            "checked_at": _text(status.checked_at),
            "stale_since": _text(status.stale_since),
            "error": status.error,
        },
    }
    return (200 if snapshot is not None else 503), json.dumps(body).encode()


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
