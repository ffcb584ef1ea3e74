"""Calls to record, and a recorder over storage in memory whose clock and disk are the test's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.metering.pages import UsagePage
from gateway.metering.records import CallRecord, Charged
from gateway.metering.rollups import Totals
from gateway.openai.tokens import Tokens
from gateway.storage.catalog import CatalogStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.usage import TABLE, UsageStore
from gateway.usage.pricer import Pricer
from gateway.usage.recorder import Recorder
from gateway.usage.reports import Reports
from gateway.usage.spill import Spill

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
TENANT = "contoso@1763629200"
MODEL_ID = "9e25dda5-428b-5041-a147-5098474ba2e1"


def call(number: int = 0, **changes: Any) -> CallRecord:
    """One call, so many seconds after noon, with what the test says otherwise."""
    said: dict[str, Any] = {
        "request_id": f"request-{number:06}",
        "at": NOON + timedelta(seconds=number),
        "tenant": TENANT,
        "tenant_id": "contoso",
        "key_id": "3f9ac2e1b07d",
        "operation": "chat",
        "model": "gpt-4o",
        "deployment": "openai-chat/east",
        "provider": "azure",
        "upstream_model": "gpt-4o",
        "model_id": None,
        "endpoint": None,
        "status": 200,
        "attempts": 1,
        "streamed": False,
        "latency_ms": 100.0,
        "first_byte_ms": 40.0,
        "tokens": Tokens(input=10, output=5),
        "known_as": ("gpt-4o",),
    }
    return CallRecord(**{**said, **changes})


def charged(number: int = 0, cost: int | None = 7, model_id: str = MODEL_ID, **changes: Any) -> Charged:
    """A call with its price."""
    return Charged(call(number, **changes), model_id, cost)


def page(*calls: Charged, instance: str = "one", sequence: int = 0) -> UsagePage:
    """A page of these calls, or of one."""
    return UsagePage.of(instance, sequence, calls or (charged(),))


class Ledger:
    """One instance of the gateway, as far as usage goes."""

    def __init__(
        self, tables: MemoryTables, directory: Path, instance: str = "one", pricer: Pricer | None = None
    ) -> None:
        self.now = NOON
        self.tables = tables
        self.store = UsageStore(tables)
        self.spill = Spill(directory, "account")
        # To read the catalog takes milliseconds, which instances of one test may share.
        self.pricer = pricer or Pricer(CatalogStore(tables), lambda: self.now)
        self.recorder = Recorder(self.store, self.pricer, self.spill, lambda: self.now, 0.001, instance=instance)
        self.reports = Reports(self.store, self.recorder)

    def record(self, count: int, start: int = 0, **changes: Any) -> None:
        for number in range(start, start + count):
            self.recorder.record(call(number, **changes))

    async def totals(self, period: Any = "month", which: str = "2026-11", tenant: str = TENANT) -> Totals:
        """All that is stored of a tenant."""
        found = await self.store.totals(tenant, period, which)
        return sum((each.totals for each in found), Totals())

    async def rows(self, begin: str = "") -> list[Row]:
        """What table `usage` holds, by the beginning of the key."""
        return [row for row in await self.tables.list(TABLE) if row.key.startswith(begin)]
