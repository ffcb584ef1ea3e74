"""Whatever storage, disk and processes do: each call that was flushed is counted once."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import StorageUnavailable
from gateway.storage.catalog import CatalogStore
from gateway.storage.memory import MemoryTables
from gateway.storage.rows import Row
from gateway.usage.pricer import Pricer
from tests.unit.usage.ledger import NOON, Ledger, call

INSTANCE = st.integers(0, 2)
STEPS = st.lists(
    st.tuples(st.just("record"), INSTANCE, st.integers(1, 30))
    | st.tuples(st.sampled_from(["flush", "kill", "stop"]), INSTANCE, st.just(0))
    | st.tuples(st.sampled_from(["down", "up"]), st.just(0), st.just(0))
    | st.tuples(st.sampled_from(["lose answers", "fail before"]), st.just(0), st.integers(1, 4)),
    max_size=40,
)

PRICER = Pricer(CatalogStore(MemoryTables()), lambda: NOON)


class Unreliable(MemoryTables):
    """Storage that fails so many transactions, before or after it did them."""

    before = 0
    after = 0

    async def transact(self, table: str, **rows: Any) -> Sequence[Row]:
        if self.before:
            self.before -= 1
            raise StorageUnavailable("The connection was refused.")
        written = await super().transact(table, **rows)
        if self.after:
            self.after -= 1
            raise StorageUnavailable("The answer was lost.")
        return written


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_every_call_that_was_flushed_is_counted_once(steps: list[tuple[str, int, int]]) -> None:
    tables = Unreliable()
    with tempfile.TemporaryDirectory() as directory:
        made = 3
        instances = [Ledger(tables, Path(directory), f"instance-{number}", PRICER) for number in range(made)]
        unsafe = [0] * made
        counted = number = 0
        for what, which, count in steps:
            ledger = instances[which]
            if what == "record":
                for number in range(number + 1, number + count + 1):  # noqa: B020
                    ledger.recorder.record(call(number, key_id=f"key-{number % 60}", at=call(number * 7).at))
                unsafe[which] += count
            elif what in ("flush", "stop"):
                await (ledger.recorder.flush() if what == "flush" else ledger.recorder.close())
                counted, unsafe[which] = counted + unsafe[which], 0
            elif what in ("down", "up"):
                tables.available = what == "up"
            elif what == "lose answers":
                tables.after = count
            elif what == "fail before":
                tables.before = count
            if what in ("kill", "stop"):
                # The system frees the lock of a dead process; what it had not flushed dies with it.
                ledger.spill.close()
                unsafe[which], made = 0, made + 1
                instances[which] = Ledger(tables, Path(directory), f"instance-{made}", PRICER)
        tables.available, tables.before, tables.after = True, 0, 0
        for each in instances:
            await each.recorder.close()
        counted += sum(unsafe)
        # What the dead left is the next one's, on whatever instance that starts.
        last = Ledger(tables, Path(directory), "last", PRICER)
        await last.recorder.close()
        assert (await last.totals()).requests == counted
        assert (await last.totals("day", "2026-11-20")).requests == counted
        packed = [b"".join(row.values.values()) for row in await last.rows("calls|")]
        assert sum(len(zlib.decompress(each).splitlines()) for each in packed) == counted
        assert list(Path(directory).iterdir()) == []
