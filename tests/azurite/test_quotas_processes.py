"""Eight processes, one storage, one limit: what their 64 callers spend stays under it, even when processes are killed.

Run as a module, this file is those processes.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from gateway.errors import QuotaExceeded
from gateway.limits.accounts import Account, Amounts
from gateway.quotas.quotas import Quotas
from gateway.registry.limits import Limit
from gateway.storage.quotas import QuotaStore
from gateway.storage.tables import AzureTables

ROOT = Path(__file__).parents[2]
PROCESSES, CALLERS, LIMIT = 8, 8, 100_000
MOST_TOKENS = 120
SECONDS = 12.0


def utc_now() -> datetime:
    return datetime.now(UTC)


async def calls(quotas: Quotas, account: Account, spent: int, until: float) -> None:
    """One caller. What its upstream counts is in a file before the quota hears of it."""
    while time.monotonic() < until:
        need = random.randint(MOST_TOKENS // 6, MOST_TOKENS)
        try:
            reservation = await quotas.reserve([account], Amounts(1, need))
        except QuotaExceeded as refusal:
            if refusal.retry_after > 60:
                return
            await asyncio.sleep(refusal.retry_after)
            continue
        tokens = random.randint(need // 3, need)
        os.write(spent, tokens.to_bytes(4))
        await asyncio.sleep(random.uniform(0.05, 0.2))
        reservation.settle(Amounts(1, tokens))


async def process(connection: str, tenant: str, spent: int) -> None:
    """One instance: its callers and its background, ended in good order."""
    tables = AzureTables(connection=connection)
    quotas = Quotas(QuotaStore(tables), utc_now, when_storage_fails="refuse")
    background = asyncio.create_task(quotas.run())
    # Where it is about noon, so that no day ends meanwhile.
    zone = timezone(timedelta(hours=12 - utc_now().hour))
    account = Account(tenant, "a", "tenant", (Limit("tokens", "day", LIMIT),), zone, "tenant 'a'")
    until = time.monotonic() + SECONDS
    await asyncio.gather(*(calls(quotas, account, spent, until) for _ in range(CALLERS)))
    background.cancel()
    await quotas.close()
    await tables.close()


def main(connection: str, directory: str) -> None:
    """Fork the processes, so that what they import is imported once, and wait for all."""
    import azure.data.tables.aio  # noqa: F401

    tenant = f"{uuid.uuid4()}@1"
    for number in range(PROCESSES):
        child = os.fork()
        if not child:
            spent = os.open(Path(directory, str(number)), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            try:
                asyncio.run(process(connection, tenant, spent))
            finally:
                Path(directory, f"{number}.ended").touch()
                os._exit(0)
        Path(directory, f"{number}.started").write_text(str(child))
    with suppress(ChildProcessError):
        while True:
            os.wait()


def spent_in(directory: Path) -> int:
    """What the upstream has counted so far."""
    written = (path.read_bytes() for path in directory.iterdir() if not path.suffix)
    return sum(int.from_bytes(each[at : at + 4]) for each in written for at in range(0, len(each), 4))


def run(connection: str, directory: Path, kills: int) -> int:
    """All tokens that were spent. Kills processes on the way: each when as much more has been spent."""
    command = [sys.executable, "-m", "tests.azurite.test_quotas_processes", connection, str(directory)]
    nursery = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        killed = 0
        deadline = time.monotonic() + 60
        while nursery.poll() is None:
            assert time.monotonic() < deadline
            if killed < kills and spent_in(directory) > LIMIT * (killed + 1) // (kills + 2):
                os.kill(int((directory / f"{killed}.started").read_text()), signal.SIGKILL)
                killed += 1
            time.sleep(0.01)
        assert killed == kills
        assert len(list(directory.glob("*.ended"))) == PROCESSES - kills
    finally:
        with suppress(ProcessLookupError):
            os.killpg(nursery.pid, signal.SIGKILL)
        nursery.wait()
    return spent_in(directory)


def test_eight_processes_spend_nearly_all_of_a_limit_and_never_more(shared_azurite, tmp_path):
    spent = run(shared_azurite.connection, tmp_path, kills=0)
    print(f"spent {spent} of {LIMIT}")
    assert LIMIT * 99 // 100 <= spent <= LIMIT


def test_processes_that_are_killed_never_make_the_others_spend_more_than_the_limit(shared_azurite, tmp_path):
    spent = run(shared_azurite.connection, tmp_path, kills=2)
    print(f"spent {spent} of {LIMIT}, two of eight processes killed")
    assert LIMIT // 2 <= spent <= LIMIT


if __name__ == "__main__":
    main(*sys.argv[1:])
