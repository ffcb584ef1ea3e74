"""Storage in memory, with no waiting between attempts."""

from __future__ import annotations

import asyncio

import pytest

from gateway.storage import optimistic
from gateway.storage.memory import MemoryTables
from tests.unit.storage.house import House

pytest.register_assert_rewrite("tests.storage_conformance", "tests.named_conformance")


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def house(tables: MemoryTables) -> House:
    return House(tables)


@pytest.fixture
def table() -> str:
    return "things"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pauses between attempts: noted, not waited for."""
    noted: list[int] = []

    async def pause(attempt: int) -> None:
        noted.append(attempt)
        await asyncio.sleep(0)

    monkeypatch.setattr(optimistic, "pause", pause)
    return noted
