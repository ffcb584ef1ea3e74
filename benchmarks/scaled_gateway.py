"""A gateway whose tenants and deployments a table service makes up; all else it keeps in its own memory.

python -m benchmarks.scaled_gateway ENDPOINT            serves, and prints its address.
python -m benchmarks.scaled_gateway ENDPOINT --reload   reads the registry anew, some times, and prints what that costs.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from pathlib import Path

from benchmarks.roundhouse import ENCRYPTION_KEY, serve
from gateway.local.azurite import ACCOUNT, ACCOUNT_KEY
from gateway.settings import Settings
from gateway.storage.deployments import TABLE as DEPLOYMENTS
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.storage.tables import AzureTables
from gateway.storage.tenants import TABLE as TENANTS

RELOADS = 3
TICK_SECONDS = 0.001


class ScaledTables(MemoryTables):
    """Tables in memory, but for two that storage's own client reads from the table service."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        connection = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY}"
        self._far = AzureTables(connection=f"{connection};TableEndpoint={endpoint};")

    async def list(
        self, table: str, partition: str | None = None, *, first: str | None = None, last: str | None = None
    ) -> list[Row]:
        """All rows of a table."""
        if table in (TENANTS, DEPLOYMENTS) and partition is None:
            return await self._far.list(table)
        return await super().list(table, partition, first=first, last=last)

    async def close(self) -> None:
        """Let go of connections."""
        await self._far.close()


async def reloads(endpoint: str) -> dict[str, float]:
    """Read the registry anew: the median of seconds and CPU, the longest time that nothing else ran, the memory."""
    from gateway.composition import Composition

    parts = Composition(Settings(encryption_key=ENCRYPTION_KEY), ScaledTables(endpoint))
    before = resident()
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        last = time.perf_counter()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.perf_counter()
            longest, last = max(longest, now - last - TICK_SECONDS), now

    began = time.perf_counter()
    await parts.registry.refresh(force=True)
    first = time.perf_counter() - began
    assert parts.registry.snapshot is not None
    gc.collect()
    kept = resident() - before
    watching = asyncio.create_task(watch())
    seconds, cpu = [], []
    for _ in range(RELOADS):
        began, cpu_began = time.perf_counter(), time.process_time()
        await parts.registry.refresh(force=True)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - cpu_began)
    watching.cancel()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    found = {
        "first_read_s": first,
        "reload_s": sorted(seconds)[RELOADS // 2],
        "reload_cpu_s": sorted(cpu)[RELOADS // 2],
        "stall_ms": longest * 1000,
        "read_mb": kept,
        "peak_mb": peak,
    }
    await parts.close()
    return found


def resident() -> float:
    """This process's resident memory, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    if "--reload" in sys.argv:
        import uvloop

        print(json.dumps(uvloop.run(reloads(sys.argv[1]))))
    else:
        serve(ScaledTables(sys.argv[1]))
