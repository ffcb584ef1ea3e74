"""Short ways to make endpoints through their routes."""

from __future__ import annotations

from typing import Any

from tests.asgi import Reply
from tests.unit.management.plane import Plane

CHAT: list[dict[str, Any]] = [{"deployment": "east"}]
INLINE: dict[str, Any] = {"provider": "openai", "model_name": "gpt-4-turbo"}


async def create(plane: Plane, **changes: Any) -> Reply:
    """The answer to a request for a chat endpoint `support` over the deployment `east`, with other values."""
    body = {"name": "support", "endpoint_type": "chat", "models": CHAT, **changes}
    return await plane.ask("POST", "/endpoints/create", body)


async def created(plane: Plane, **changes: Any) -> dict[str, Any]:
    """The endpoint that this makes."""
    reply = await create(plane, **changes)
    assert reply.status == 200, reply.body
    endpoint: dict[str, Any] = reply.json["endpoint"]
    return endpoint


async def store_key(plane: Plane, provider: str = "openai") -> str:
    """The id of a key that was just stored."""
    body = {"name": f"key-of-{provider}", "provider": provider, "value": f"s3cret-of-{provider}"}
    key_id: str = (await plane.ask("POST", "/keys/create", body)).json["key"]["key_id"]
    return key_id


def member_names(endpoint: dict[str, Any]) -> list[str]:
    """The deployments of an endpoint."""
    return [each["deployment"] for each in endpoint["models"]]


async def owned(plane: Plane) -> list[str]:
    """The friendly names of the deployments that endpoints registered for themselves."""
    return [each.friendly_name for each in await plane.deployments.list() if each.endpoint_id is not None]


async def changed(plane: Plane, endpoint: dict[str, Any], **change: Any) -> dict[str, Any]:
    """An endpoint after an update."""
    reply = await plane.ask("POST", "/endpoints/update", {"endpoint_id": endpoint["endpoint_id"], **change})
    assert reply.status == 200, reply.body
    after: dict[str, Any] = reply.json["endpoint"]
    return after


async def listed(plane: Plane) -> dict[str, Any]:
    """The one endpoint there is, or the first by name."""
    found: dict[str, Any] = (await plane.ask("GET", "/endpoints/list")).json["endpoints"][0]
    return found
