"""Short ways to store deployments: what an operator's upsert makes of one, and rows made by hand."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

from gateway.registry.deployments import Deployment
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row, Value
from tests.builders import deployment

CHAT = "openai-chat"
NEW = base64.b64encode(b"n" * 32).decode()
OLD = base64.b64encode(b"o" * 32).decode()


def becoming(stored: Deployment) -> Callable[[Deployment | None], Deployment]:
    """An upsert of everything."""
    return lambda _: stored


def with_fields(**fields: object) -> Callable[[Deployment | None], Deployment]:
    """An upsert of some fields: the others stay as they are."""

    def change(before: Deployment | None) -> Deployment:
        return replace(before or deployment("east"), **fields)  # type: ignore[arg-type]

    return change


async def row_of(tables: MemoryTables, name: str = "east") -> Row:
    row = await tables.get("configuration", CHAT, name)
    assert row is not None
    return row


async def hand_made(tables: MemoryTables, name: str = "east", partition: str = CHAT, **values: Value) -> Row:
    return await tables.put("configuration", Row(partition, name, {"DeploymentName": "gpt", **values}))
