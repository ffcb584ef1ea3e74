"""The recorder: takes note of every call, and writes in batches, off the calls' way, what was used."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from gateway.errors import Conflict, GatewayError, StorageUnavailable
from gateway.metering.pages import UsagePage
from gateway.metering.prices import cost
from gateway.metering.records import CallRecord, Charged
from gateway.openai.tokens import Tokens
from gateway.storage.usage import UsageStore
from gateway.usage.pages import Packing
from gateway.usage.pricer import Pricer
from gateway.usage.spill import Spill

logger = logging.getLogger("gateway.usage")

# So many calls are written before their time: nearly a full page, if they are one tenant's. A page costs as much as
# packing hundreds of calls, whatever it holds.
FLUSH_AT = 2_500
# The most calls in memory, should the disk fail together with storage; later ones are lost, and counted.
MOST_CALLS = 10_000
# So many calls are priced and packed at once, soon after the last of them: while a processor has them at hand, which
# is half the work it is later, and in less than a millisecond.
PACK_AT = 50
TENANTS_AT_A_TIME = 8
PAGES_AT_A_TIME = 32
JITTER = 0.1
# A storage that takes longer for a page is as good as gone; it is asked again, and counts nothing twice.
STORAGE_SECONDS = 5.0

NOTHING = Tokens()


class Recorder:
    """Takes calls and sees that each is counted once.

    `record` appends to memory; every so many calls are priced and packed there. A flush does it for the rest and writes
    all pages; what storage does not take goes to the spill at once, and is replayed when storage answers. So a killed
    process loses what came after its last flush, and one that is closed loses nothing. `lost`: calls that neither
    storage nor disk took.
    """

    def __init__(
        self,
        store: UsageStore,
        pricer: Pricer,
        spill: Spill,
        utc_now: Callable[[], datetime],
        flush_seconds: float,
        *,
        instance: str | None = None,
    ) -> None:
        self.lost = 0
        self._store = store
        self._pricer = pricer
        self._spill = spill
        self._utc_now = utc_now
        self._flush_seconds = flush_seconds
        self._instance = instance or uuid.uuid4().hex[:12]
        self._sequence = 0
        self._calls: list[CallRecord] = []
        self._packing = Packing(self._instance)
        # Priced and packed, but on no disk yet.
        self._pages: list[UsagePage] = []
        self._adopted = False
        self._down_since: datetime | None = None
        self._spilled = 0
        self._told_lost = 0
        self._disk_fails = False
        self._many = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None

    def record(self, call: CallRecord) -> None:
        """Take note of a call; costs an append and never fails."""
        waiting = len(self._calls) + 1
        if waiting + self._packing.calls > MOST_CALLS:
            self.lost += 1
            return
        self._calls.append(call)
        if waiting % PACK_AT == 0:
            asyncio.get_running_loop().call_soon(self._pack_soon)

    async def run(self) -> None:
        """Flush until cancelled; close() comes after it."""
        while True:
            # A fresh process has its first calls to answer, and better things to do than to read a catalog.
            pause = self._flush_seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._many.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write all that was recorded before. Never raises: what storage does not take is kept for later."""
        # Who comes while one runs needs the next, and shares it with all who come meanwhile. It is a task of its own,
        # so that no caller who is cancelled leaves it half done.
        if self._next is None:
            self._next = asyncio.create_task(self._one_more())
        await asyncio.shield(self._next)

    async def close(self) -> None:
        """Write all, to disk where storage does not take it, and let go of the spill. Nothing is recorded after it."""
        await self.flush()
        self.lost += sum(len(page.lines) for page in self._pages)
        self._pages.clear()
        self._tell_lost()
        await asyncio.to_thread(self._spill.close)

    async def _one_more(self) -> None:
        async with self._flushing:
            self._next = None
            self._many.clear()
            try:
                await self._flush()
            except Exception:
                # A defect of ours must not end the loop that would outlive it.
                logger.exception("usage could not be written")

    async def _flush(self) -> None:
        if not self._adopted:
            self._adopted = True
            await self._adopt()
            # Before the first call, so that it does not find storage gone and operators' prices unread.
            await self._pricer.renew()
        await self._pack()
        if self._down_since is not None:
            # On disk first: to ask a storage that is down may take seconds.
            await self._put_aside()
        if not await self._write(self._pages):
            await self._put_aside()
        elif await self._replay() and self._down_since is not None:
            seconds = (self._utc_now() - self._down_since).total_seconds()
            logger.info("usage is written again after %.0f s; %d calls waited on disk", seconds, self._spilled)
            self._down_since, self._spilled = None, 0
        self._tell_lost()

    async def _adopt(self) -> None:
        files = await asyncio.to_thread(self._spill.adopt)
        if files:
            logger.info("usage that %d other processes left on disk is taken over", files)

    def _pack_soon(self) -> None:
        """Pack what was recorded, once the catalog was read."""
        if self._pricer.is_ready:
            self._pack_some()
        if self._packing.calls + len(self._calls) >= FLUSH_AT:
            self._many.set()

    def _pack_some(self) -> None:
        """Price some calls and pack them. A call leaves one list for the other in one step."""
        calls = self._calls[:PACK_AT]
        del self._calls[:PACK_AT]
        for call in calls:
            try:
                self._packing.add(self._charged(call))
            except Exception:
                self.lost += 1
                logger.exception("the call %s can't be counted", call.request_id)

    async def _pack(self) -> None:
        """Make pages of all that was recorded."""
        for _ in range(0, len(self._calls), PACK_AT):
            await self._pricer.renew()
            self._pack_some()
            await asyncio.sleep(0)
        pages = list(self._packing.pages(self._sequence))
        self._packing = Packing(self._instance)
        self._sequence += len(pages)
        self._pages += pages

    def _charged(self, call: CallRecord) -> Charged:
        priced = self._pricer.known(call.provider, call.known_as)
        assert priced is not None, "the catalog was read before"
        price: int | None = 0
        if priced.prices is not None:
            price = cost(call.tokens, priced.prices)
        elif call.tokens != NOTHING:
            price = None
        return Charged(call, call.model_id or priced.model_id, price)

    async def _write(self, pages: list[UsagePage]) -> bool:
        """Store pages, several tenants' at a time, and take out of the list what storage took; whether that is all."""
        by_tenant: dict[tuple[str, str], list[UsagePage]] = {}
        for page in pages:
            by_tenant.setdefault((page.tenant, page.month), []).append(page)
        gate = asyncio.Semaphore(TENANTS_AT_A_TIME)
        failed = False

        async def write(own: Sequence[UsagePage]) -> None:
            nonlocal failed
            async with gate:
                for page in own:
                    failed = failed or not await self._is_stored(page)
                    if failed:
                        return
                    pages[:] = [each for each in pages if each is not page]

        await asyncio.gather(*map(write, by_tenant.values()))
        return not failed

    async def _is_stored(self, page: UsagePage) -> bool:
        """Store a page; False when that is to be tried again."""
        try:
            async with asyncio.timeout(STORAGE_SECONDS):
                await self._store.write(page)
        except (StorageUnavailable, TimeoutError) as failure:
            if self._down_since is None:
                self._down_since = self._utc_now()
                reason = str(failure) or f"storage did not answer in {STORAGE_SECONDS:.0f} s"
                logger.warning("usage can't be written and waits on disk: %s", reason)
            return False
        except Conflict:
            return False
        except GatewayError as refusal:
            self.lost += len(page.lines)
            logger.error("storage does not take a page of usage: %s", refusal.message)
        except Exception:
            logger.exception("a page of usage could not be written and waits on disk")
            return False
        return True

    async def _put_aside(self) -> None:
        """Pages to disk; while that fails they stay in memory, the newest in excess are lost."""
        if not self._pages:
            return
        try:
            await asyncio.to_thread(self._spill.append, self._pages)
        except OSError as fault:
            self._disk_failed(fault)
            waiting = sum(len(page.lines) for page in self._pages)
            while waiting > MOST_CALLS:
                newest = len(self._pages.pop().lines)
                waiting, self.lost = waiting - newest, self.lost + newest
        else:
            self._disk_fails = False
            self._spilled += sum(len(page.lines) for page in self._pages)
            self._pages.clear()

    async def _replay(self) -> bool:
        """Have storage take what waits on disk; whether nothing waits any more."""
        # One page is enough to find out that storage is still down.
        most = 1
        try:
            while self._spill.waiting:
                pages = await asyncio.to_thread(self._spill.batch, most)
                if not await self._write(pages):
                    return False
                await asyncio.to_thread(self._spill.stored)
                most = PAGES_AT_A_TIME
        except OSError as fault:
            self._disk_failed(fault)
            return False
        return True

    def _disk_failed(self, fault: OSError) -> None:
        if not self._disk_fails:
            self._disk_fails = True
            logger.error("usage can't be kept on disk: %s", fault.strerror)

    def _tell_lost(self) -> None:
        if self.lost > self._told_lost:
            logger.error("usage of %d calls is lost: neither storage nor disk took it", self.lost - self._told_lost)
            self._told_lost = self.lost
