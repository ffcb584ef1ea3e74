"""An instance over storage in memory and a directory of its own, with no waiting between attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.storage import optimistic
from gateway.storage.memory import MemoryTables
from tests.unit.usage.ledger import Ledger


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def ledger(tables: MemoryTables, tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tables, tmp_path)
    yield made
    made.spill.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def pause(attempt: int) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(optimistic, "pause", pause)
