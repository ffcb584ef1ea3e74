"""Mends two habits of the Functions worker, up to azure-functions-runtime 1.3.0; the only file that knows its insides.

1. `HttpCoordinator` keeps what it knew of every request for ever: about 2 KB each.
2. Five log lines are made for every request, at twice the CPU of the request itself.

Each step does nothing where what it mends is not there. tests/functions/test_worker_shim.py fails when the worker
has mended itself, so that this file can go.
"""

import functools
import logging
import sys
from typing import Any

# The worker of Python 3.13 and later, and the one before it. Looked up, never imported: elsewhere neither exists.
COORDINATOR_MODULES = ("azure_functions_runtime.http_v2", "azure_functions_worker.http_v2")
CHATTY_LOGGERS = ("azure", "azure.functions", "azure_functions_worker", "uvicorn", "uvicorn.access")


def tune_worker() -> None:
    """Apply both. Call it while the first request is served: the worker sets its logging up after indexing."""
    for name in COORDINATOR_MODULES:
        coordinator = getattr(sys.modules.get(name), "HttpCoordinator", None)
        if coordinator is not None:
            forget_answered_requests(coordinator)
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    # With a handler there, uvicorn composes the line of every request before it looks at the level.
    logging.getLogger("uvicorn.access").handlers.clear()


def forget_answered_requests(coordinator: type[Any]) -> None:
    """Make the class `coordinator` drop its reference to a request once the answer has been taken from it."""
    take = getattr(coordinator, "_pop_http_response", None)
    if take is None or hasattr(take, "__wrapped__"):
        return

    @functools.wraps(take)
    def take_and_forget(self: Any, invocation_id: str) -> Any:
        try:
            return take(self, invocation_id)
        finally:
            references = getattr(self, "_context_references", None)
            if isinstance(references, dict):
                references.pop(invocation_id, None)

    coordinator._pop_http_response = take_and_forget
