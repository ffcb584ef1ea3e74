"""The usage store: table `usage`, pages of calls and the roll-ups that they are counted in."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.metering.pages import CALLS, UsagePage
from gateway.metering.records import Charged, from_line
from gateway.metering.rollups import Dimensions, RollupPeriod, Total, Totals, merged
from gateway.storage import columns, optimistic
from gateway.storage.columns import Unreadable
from gateway.storage.rows import MAX_BYTES, Row, RowChanged, RowExists, Tables, Value
from gateway.storage.sums import LAST, Shard, Shards

TABLE = "usage"
SUM = "sum"
TENANTS = "tenants"
# Instances are spread over so many rows of each sum, so that they seldom meet at one.
SHARDS = 8
PACKED = "Calls"
# Calls are much alike: the fastest level makes a sixth of them, in less time than storage's client takes for the rest.
LEVEL = 1
# So many take a quarter of a millisecond; then the loop has its turn.
LINES_AT_A_TIME = 250
# A row holds 1 MiB, a column 64 KiB of it; two less, for the rest of the row and for calls that can't be made smaller.
CHARACTERS_IN_A_PAGE = 14 * MAX_BYTES
# A transaction takes 100 rows: the page, and a day's and a month's for each of its dimensions.
DIMENSIONS_IN_A_PAGE = (100 - 1) // 2

DIMENSION_COLUMNS = (
    columns.text("ModelId", "model_id"),
    columns.text("Provider", "provider"),
    columns.text("UpstreamModel", "upstream_model"),
    columns.text("Operation", "operation"),
    columns.text("Deployment", "deployment"),
    columns.text("KeyId", "key_id"),
    columns.text("Endpoint", "endpoint"),
)
TOTAL_COLUMNS = (
    columns.whole("Requests", "requests"),
    columns.whole("Failed", "failed"),
    columns.whole("InputTokens", "input_tokens"),
    columns.whole("OutputTokens", "output_tokens"),
    columns.whole("CachedTokens", "cached_tokens"),
    columns.whole("ReasoningTokens", "reasoning_tokens"),
    columns.whole("AudioTokens", "audio_tokens"),
    columns.whole("ImageTokens", "image_tokens"),
    columns.whole("Images", "images"),
    columns.whole("Characters", "characters"),
    columns.whole("Milliseconds", "milliseconds"),
    columns.whole("CostNanodollars", "cost"),
    columns.whole("Measured", "measured"),
    columns.whole("Estimated", "estimated"),
    columns.whole("Unpriced", "unpriced"),
    columns.whole("LatencyMs", "latency_ms"),
)


class UsageStore:
    """Pages and roll-ups at rest. PartitionKey is the tenant's identity and the month, `contoso@1763629200|2026-11`.

    A page and its increments are one transaction, so the page's row proves that it was counted. Beside them partition
    `tenants|2026-11` names who called in that month. A row that can't be read is left out and named once in the log.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._complaints = columns.Complaints(TABLE)
        self._shards = Shards(tables, TABLE)
        self._named: set[tuple[str, str]] = set()

    async def write(self, page: UsagePage) -> None:
        """Store a page and count it, once: a page that is there already is left as it is.

        Costs a transaction; before it two range reads while other instances write the same shard and for a tenant's
        first page of a day, and a write more for the first of a month. Raises StorageUnavailable, after which it may
        be stored or not; Conflict when other writers were first again and again.
        """
        await self._name(page.tenant, page.month)
        partition = _partition(page.tenant, page.month)
        made = Row(partition, page.key, await _packed(page.lines))
        shards = self._day_and_month(page)
        for attempt in range(optimistic.TRIES):
            increased = [row for shard in shards for row in await self._increased(shard, page)]
            create = [made, *(row for row in increased if row.etag is None)]
            try:
                stored = await self._tables.transact(
                    TABLE, create=create, replace=[row for row in increased if row.etag is not None]
                )
            except (RowExists, RowChanged):
                for shard in shards:
                    shard.doubt()
                if await self._tables.get(TABLE, partition, page.key) is not None:
                    return
                await optimistic.pause(attempt)
            else:
                for shard in shards:
                    shard.keep(row for row in stored if row.key.startswith(shard.prefix))
                self._shards.forget()
                return
        raise optimistic.too_many_writers(partition, page.key)

    async def tenants(self, month: str) -> list[str]:
        """The identities of all tenants that called in a month (`2026-11`), deleted ones too."""
        return [row.key for row in await self._tables.list(TABLE, f"{TENANTS}|{month}")]

    async def totals(self, tenant: str, period: RollupPeriod, which: str) -> list[Total]:
        """What a tenant's calls came to in a day (`2026-11-20`) or a month (`2026-11`), by dimensions: one read."""
        prefix = _prefix(period, which)
        rows = await self._tables.list(TABLE, _partition(tenant, which[:7]), first=prefix, last=prefix + LAST)
        found = [self._total(row) for row in rows]
        sums = merged((each.dimensions, each.totals) for each in found if each is not None)
        return [Total(dimensions, totals) for dimensions, totals in sums.items()]

    async def calls(self, tenant: str, hour: datetime) -> list[Charged]:
        """A tenant's calls of one hour (UTC), in the order of their pages."""
        prefix = f"{CALLS}|{hour:%Y-%m-%dT%H}:"
        rows = await self._tables.list(TABLE, _partition(tenant, f"{hour:%Y-%m}"), first=prefix, last=prefix + LAST)
        found: list[Charged] = []
        for row in rows:
            found += self._calls(row)
            # A page takes milliseconds to decode.
            await asyncio.sleep(0)
        return found

    async def _name(self, tenant: str, month: str) -> None:
        if (tenant, month) not in self._named:
            await self._tables.put(TABLE, Row(f"{TENANTS}|{month}", tenant))
            self._named.add((tenant, month))

    def _day_and_month(self, page: UsagePage) -> list[Shard]:
        shard = zlib.crc32(page.instance.encode()) % SHARDS
        partition = _partition(page.tenant, page.month)
        periods: list[tuple[RollupPeriod, str]] = [("day", page.day), ("month", page.month)]
        return [
            self._shards.of(page.tenant, period, partition, f"{_prefix(period, which)}{shard}|")
            for period, which in periods
        ]

    async def _increased(self, shard: Shard, page: UsagePage) -> list[Row]:
        """The shard's rows of a page's dimensions, with its totals added."""
        keys = [f"{shard.prefix}{dimensions.hash}" for dimensions in page.sums]
        rows = zip(await shard.look(keys), page.sums.items(), strict=True)
        return [self._sum(row, dimensions, totals) for row, (dimensions, totals) in rows]

    def _sum(self, row: Row, dimensions: Dimensions, totals: Totals) -> Row:
        """The roll-up row with these totals added. What a newer version put beside our columns stays."""
        stored = self._total(row)
        before = Totals() if stored is None else stored.totals
        said = columns.values(DIMENSION_COLUMNS, dimensions, None, row.values)
        return replace(row, values=columns.values(TOTAL_COLUMNS, before + totals, None, said))

    def _total(self, row: Row) -> Total | None:
        try:
            dimensions = Dimensions(**columns.fields(DIMENSION_COLUMNS, row))
            return Total(dimensions, Totals(**columns.fields(TOTAL_COLUMNS, row)))
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; it does not count")
            return None

    def _calls(self, row: Row) -> list[Charged]:
        packed = b"".join(value for name, value in sorted(row.values.items()) if isinstance(value, bytes))
        try:
            return [from_line(line) for line in zlib.decompress(packed).decode().splitlines()]
        except (ValueError, zlib.error) as fault:
            self._complaints.about(row, f"its calls: {fault}; they are left out")
            return []


async def _packed(lines: Sequence[str]) -> dict[str, Value]:
    """Columns `Calls00`, `Calls01`, …: what zlib makes of all lines, in as many pieces as it takes."""
    zipping = zlib.compressobj(LEVEL)
    parts = []
    for start in range(0, len(lines), LINES_AT_A_TIME):
        between = "\n" if start else ""
        parts.append(zipping.compress((between + "\n".join(lines[start : start + LINES_AT_A_TIME])).encode()))
        await asyncio.sleep(0)
    packed = b"".join([*parts, zipping.flush()])
    starts = range(0, len(packed), MAX_BYTES)
    return {f"{PACKED}{number:02}": packed[start : start + MAX_BYTES] for number, start in enumerate(starts)}


def _partition(tenant: str, month: str) -> str:
    return f"{tenant}|{month}"


def _prefix(period: RollupPeriod, which: str) -> str:
    return f"{SUM}|{period}|{which}|"
