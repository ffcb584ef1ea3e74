"""A process that records calls one after the other, for tests that kill it: `usage_process.py DIRECTORY SECONDS`.

The connection string comes on the standard input. Each line of the output is a number of calls recorded so far.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from gateway.storage.catalog import CatalogStore
from gateway.storage.tables import AzureTables
from gateway.storage.usage import UsageStore
from gateway.usage.pricer import Pricer
from gateway.usage.recorder import Recorder
from gateway.usage.spill import Spill
from tests.unit.usage.ledger import call


def now() -> datetime:
    return datetime.now(UTC)


async def main(connection: str, directory: Path, flush_seconds: float) -> None:
    tables = AzureTables(connection=connection)
    recorder = Recorder(
        UsageStore(tables), Pricer(CatalogStore(tables), now), Spill(directory, "account"), now, flush_seconds
    )
    running = asyncio.create_task(recorder.run())
    count = 0
    while not running.done():
        recorder.record(call(at=now(), request_id=f"{count}"))
        count += 1
        print(count, time.monotonic(), flush=True)
        await asyncio.sleep(0.005)
    running.result()


if __name__ == "__main__":
    asyncio.run(main(sys.stdin.readline().strip(), Path(sys.argv[1]), float(sys.argv[2])))
