"""Reports: what was used, for those who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from gateway.metering.records import Charged
from gateway.metering.rollups import RollupPeriod, Total, Totals
from gateway.storage.usage import UsageStore
from gateway.usage.recorder import Recorder

READS_AT_A_TIME = 8
HOUR = timedelta(hours=1)

# Where a list of calls goes on: the moment and the request id of the last that was shown.
Place = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class TenantUsage:
    """What one tenant's calls came to. tenant: its identity, of which tenant_id is the part that has a name."""

    tenant: str
    totals: tuple[Total, ...]

    @property
    def tenant_id(self) -> str:
        """Its id; a later tenant may have the same."""
        return tenant_id_of(self.tenant)


class Reports:
    """Reads roll-ups and calls; what this instance recorded is written first, so that it is seen at once.

    All methods raise StorageUnavailable. period and which: `day` and `2026-11-20`, or `month` and `2026-11`, in UTC.
    """

    def __init__(self, store: UsageStore, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

    async def totals(self, tenant: str, period: RollupPeriod, which: str) -> list[Total]:
        """What the calls of a tenant (its identity) came to, by dimensions; one read."""
        await self._recorder.flush()
        return await self._store.totals(tenant, period, which)

    async def by_model(self, tenant: str, period: RollupPeriod, which: str) -> dict[str, Totals]:
        """The same by the catalog's UUID of the model; under "" the calls that no known model answered."""
        sums: dict[str, Totals] = {}
        for each in await self.totals(tenant, period, which):
            model_id = each.dimensions.model_id
            sums[model_id] = sums.get(model_id, Totals()) + each.totals
        return sums

    async def everyone(self, period: RollupPeriod, which: str, tenant_id: str | None = None) -> list[TenantUsage]:
        """The same of all tenants that called, deleted ones too; or of those that had one id, one after the other."""
        await self._recorder.flush()
        gate = asyncio.Semaphore(READS_AT_A_TIME)

        async def read(tenant: str) -> TenantUsage:
            async with gate:
                return TenantUsage(tenant, tuple(await self._store.totals(tenant, period, which)))

        return list(await asyncio.gather(*map(read, await self._tenants(which[:7], tenant_id))))

    async def calls(
        self, tenant_id: str, day: date, limit: int, after: Place | None = None
    ) -> tuple[list[Charged], Place | None]:
        """A tenant's calls of a day (UTC), newest first, from behind `after` on; and where to go on, None at the end.

        Reads an hour at a time, back from the last, until there are enough.
        """
        await self._recorder.flush()
        tenants = await self._tenants(f"{day:%Y-%m}", tenant_id)
        midnight = datetime.combine(day, time(), UTC)
        hour = midnight + 23 * HOUR if after is None else after[0].replace(minute=0, second=0, microsecond=0)
        found: list[Charged] = []
        while tenants and hour >= midnight and len(found) <= limit:
            read = [each for tenant in tenants for each in await self._store.calls(tenant, hour)]
            found += sorted((each for each in read if after is None or _place(each) < after), key=_place, reverse=True)
            hour -= HOUR
        return found[:limit], _place(found[limit - 1]) if len(found) > limit else None

    async def _tenants(self, month: str, tenant_id: str | None) -> Sequence[str]:
        found = await self._store.tenants(month)
        return [each for each in found if tenant_id in (None, tenant_id_of(each))]


def tenant_id_of(tenant: str) -> str:
    """The id in a tenant's identity."""
    return tenant.rpartition("@")[0]


def _place(charged: Charged) -> Place:
    return charged.call.at, charged.call.request_id
