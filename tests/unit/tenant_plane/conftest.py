"""The tenant plane's fixtures."""

from __future__ import annotations

import asyncio

import pytest

from gateway.storage import optimistic
from tests.unit.tenant_plane.plane import Plane


@pytest.fixture
async def plane() -> Plane:
    return await Plane().open()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that lost starts over at once."""

    async def pause(attempt: int) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(optimistic, "pause", pause)
