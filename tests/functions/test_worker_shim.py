"""Whether the installed runtime still needs gateway/functions/worker_shim.py. A failure here is good news."""

from __future__ import annotations

import uuid

from azure_functions_runtime.http_v2 import HttpCoordinator

from gateway.functions.worker_shim import forget_answered_requests

NOT_NEEDED = (
    "The installed azure-functions-runtime {} "
    "If the platform's workers do so too, delete gateway/functions/worker_shim.py and its tests; else mend it."
)


async def _answer_one(coordinator: HttpCoordinator) -> str:
    """Take one request through the coordinator, as the worker does; its invocation id."""
    invocation_id = str(uuid.uuid4())
    coordinator.set_http_request(invocation_id, "request")
    await coordinator.get_http_request_async(invocation_id)
    coordinator.set_http_response(invocation_id, "response")
    assert await coordinator.await_http_response_async(invocation_id) == "response"
    return invocation_id


async def test_the_runtime_has_the_names_that_the_shim_knows() -> None:
    is_known = hasattr(HttpCoordinator, "_pop_http_response") and hasattr(HttpCoordinator(), "_context_references")

    assert is_known, NOT_NEEDED.format("keeps its requests in another way than the shim knows.")


async def test_the_runtime_still_keeps_answered_requests_by_itself() -> None:
    coordinator = HttpCoordinator()

    assert await _answer_one(coordinator) in coordinator._context_references, NOT_NEEDED.format("forgets by itself.")


async def test_with_the_shim_the_runtime_forgets_them() -> None:
    # A class of its own, so that the tests above see the runtime as it is.
    Mended = type("Mended", (HttpCoordinator,), {})  # noqa: N806
    forget_answered_requests(Mended)
    coordinator = Mended()

    assert await _answer_one(coordinator) not in coordinator._context_references
