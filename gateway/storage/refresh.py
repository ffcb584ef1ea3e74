"""The registry: the snapshot that requests are served from, kept in step with storage."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gateway.errors import StorageUnavailable
from gateway.registry.snapshot import Snapshot, build
from gateway.storage import revision
from gateway.storage.deployments import DeploymentStore
from gateway.storage.endpoints import EndpointStore
from gateway.storage.id_secret import id_secret
from gateway.storage.rows import Tables
from gateway.storage.tenants import TenantStore
from gateway.storage.tokens import FirstToken

logger = logging.getLogger(__name__)

# A net for tables edited by hand, and for a writer that died between its write and its touch of the marker.
FULL_RELOAD = timedelta(seconds=300)
# So much of that passes at least. Instances that read together, after a write, then don't do so again.
EARLIEST_RELOAD = 0.8
# While there is nothing to serve from, look again at least this often.
EMPTY_RETRY_SECONDS = 2.0
JITTER = 0.1
# While storage fails an instance looks half as often each time, and at least so often.
MOST_PAUSE_SECONDS = 30.0

MARKER_GONE = (
    "The registry's revision marker is gone from storage, which was wiped or replaced. "
    "The last good registry is served until the next registry write."
)
DEFECT = "The registry could not be refreshed; the log says why."


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryStatus:
    """What the registry is served from; safe to show.

    state: `fresh` (as storage had it at checked_at), `stale` (the last good one; storage has failed since
    stale_since), `empty` (storage never answered). loaded_at: when what is served was read.
    """

    state: Literal["fresh", "stale", "empty"]
    loaded_at: datetime | None
    checked_at: datetime | None
    stale_since: datetime | None
    error: str | None


class MarkerGone(Exception):
    """Storage answers, but it is not the storage that the snapshot was read from."""


class Registry:
    """Holds the snapshot and keeps it in step with storage.

    `snapshot` is None until storage answered once; after that it is swapped whole and never taken away. Every function
    in `on_swap` is called with each new snapshot, the first included. `clock` answers the time now, in UTC. `closed`:
    whether a tenant without tenant models may call none. `wanted_events` answers the types that webhooks ask for.
    """

    def __init__(
        self,
        tables: Tables,
        deployments: DeploymentStore,
        tenants: TenantStore,
        endpoints: EndpointStore,
        refresh_seconds: float,
        clock: Callable[[], datetime],
        *,
        closed: bool = False,
        wanted_events: Callable[[], Awaitable[frozenset[str]]] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.snapshot: Snapshot | None = None
        self.on_swap: list[Callable[[Snapshot], None]] = []
        self._tables = tables
        self._deployments = deployments
        self._tenants = tenants
        self._endpoints = endpoints
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._closed = closed
        self._wanted_events = wanted_events
        self._sleep = sleep
        self._marker: str | None = None
        self._loaded_at: datetime | None = None
        self._due_at: datetime | None = None
        self._checked_at: datetime | None = None
        self._failing_since: datetime | None = None
        self._error: str | None = None
        self._told: set[str] = set()
        self._first_token = FirstToken(tables)
        # Refreshes are numbered. A caller needs one that began late enough for it; see refresh().
        self._lock = asyncio.Lock()
        self._begun = 0
        self._ended = 0
        self._swapped = False
        self._answered = asyncio.Event()

    def status(self) -> RegistryStatus:
        """The truth for /health/ready."""
        if self.snapshot is None:
            state: Literal["fresh", "stale", "empty"] = "empty"
        else:
            state = "fresh" if self._failing_since is None else "stale"
        return RegistryStatus(
            state=state,
            loaded_at=self._loaded_at,
            checked_at=self._checked_at,
            stale_since=self._failing_since if state == "stale" else None,
            error=self._error,
        )

    async def ready(self, seconds: float) -> None:
        """Wait until the first refresh has loaded or failed, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._answered.wait()

    async def run(self) -> None:
        """Refresh until cancelled."""
        seconds = self._refresh_seconds
        while True:
            await self.refresh()
            if self._error in (None, MARKER_GONE):
                seconds = self._refresh_seconds
                pause = seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
            else:
                seconds = max(self._refresh_seconds, min(2 * seconds, MOST_PAUSE_SECONDS))
                pause = seconds * random.uniform(0.5, 1)  # noqa: S311
            await self._sleep(pause if self.snapshot is not None else min(pause, EMPTY_RETRY_SECONDS))

    async def refresh(self, force: bool = False) -> bool:
        """Bring the snapshot in step with storage; whether a new one was swapped in. Never raises.

        Costs one point read when nothing changed. Callers that come while a refresh runs share it; with `force` they
        share the next one, because the one that runs may have read before their write.
        """
        needed = self._begun + (1 if force or not self._lock.locked() else 0)
        async with self._lock:
            if self._ended >= needed:
                return self._swapped
            self._begun += 1
            self._swapped = await self._refresh(force)
            self._ended = self._begun
            self._answered.set()
            if self.snapshot is not None:
                # When the snapshot serves already: an operator needs a token, a request does not.
                await self._first_token.ensure()
            return self._swapped

    async def _refresh(self, force: bool) -> bool:
        try:
            swapped = await self._load(force)
        except StorageUnavailable as failure:
            self._failed(failure.message)
            return False
        except MarkerGone:
            if self._error != MARKER_GONE:
                self._first_token.forget()
            self._failed(MARKER_GONE)
            return False
        except Exception:
            # A defect of ours must not end the loop that would outlive it.
            if DEFECT not in self._told:
                logger.exception("the registry could not be refreshed")
            self._failed(DEFECT)
            return False
        if self._failing_since is not None:
            logger.info("storage answers again; the registry is fresh")
            self._told.clear()
        self._checked_at, self._failing_since, self._error = self._clock(), None, None
        return swapped

    def _failed(self, error: str) -> None:
        # Once in an outage, however often two faults take turns.
        if error not in self._told:
            logger.warning("the registry is not fresh: %s", error)
            self._told.add(error)
        self._failing_since, self._error = self._failing_since or self._clock(), error

    async def _load(self, force: bool) -> bool:
        # The marker is read before the rows: a write between the two is read now, and once more by the next refresh.
        marker = await revision.current(self._tables)
        if marker is None and self._marker is not None:
            raise MarkerGone
        now = self._clock()
        due = self._due_at is None or now >= self._due_at
        if not (force or due or marker != self._marker):
            return False
        deployments = await self._deployments.list()
        endpoints = await self._endpoints.list()
        wanted_events = await self._wanted_events() if self._wanted_events is not None else ()
        secret = await id_secret(self._tables)
        # The longest comes last: it is read in vain if one behind it can't be.
        tenants, keys, models = await self._tenants.list()
        snapshot = build(
            deployments,
            tenants,
            keys,
            endpoints,
            secret,
            tenant_models=models,
            wanted_events=wanted_events,
            closed=self._closed,
        )
        self._marker = marker
        self._due_at = now + FULL_RELOAD * random.uniform(EARLIEST_RELOAD, 1)  # noqa: S311
        if snapshot == self.snapshot:
            return False
        self.snapshot, self._loaded_at = snapshot, now
        for swapped in self.on_swap:
            swapped(snapshot)
        return True
