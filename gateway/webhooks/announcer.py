"""The announcer: events that no change of a table caused, written to the outbox behind the call that met them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from gateway.errors import StorageUnavailable
from gateway.routing.outcome import Outcome
from gateway.storage.outbox import Event, Outbox, new_event

log = logging.getLogger("gateway.webhooks")

MOST_WAITING = 1000
RETRY_SECONDS = 2.0
CLOSE_SECONDS = 5.0


class Announcer:
    """Writes events in the background, and keeps at most a thousand of them while storage is down; the oldest go first.

    wanted: the types of events that some webhook asks for; no other is kept.
    """

    def __init__(
        self,
        outbox: Outbox,
        wanted: Callable[[], frozenset[str]],
        utc_now: Callable[[], datetime],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._outbox = outbox
        self._wanted = wanted
        self._utc_now = utc_now
        self._sleep = sleep
        self._waiting: deque[Event] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._lost = 0

    def tell(self, event_type: str, data: Mapping[str, Any]) -> None:
        """Take note of an event; it is on its way when this returns, and stored a moment later."""
        if event_type not in self._wanted():
            return
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(new_event(event_type, self._utc_now(), data))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Write what waits, for a few seconds at most."""
        if self._writer is not None:
            _, late = await asyncio.wait({self._writer}, timeout=CLOSE_SECONDS)
            for each in late:
                each.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._waiting:
            log.error("%d events for webhooks could not be stored and are lost", len(self._waiting))

    async def _write(self) -> None:
        while self._waiting:
            event = self._waiting[0]
            try:
                await self._outbox.put(event)
            except StorageUnavailable:
                await self._sleep(RETRY_SECONDS)
                continue
            # A newer one may have pushed it out meanwhile.
            if self._waiting and self._waiting[0] is event:
                self._waiting.popleft()
        if self._lost:
            log.error("%d events for webhooks were lost while storage was down", self._lost)
            self._lost = 0


class DeploymentEvents:
    """Tells when a deployment begins to rest on this instance, and when it serves again; an observer of Cooldowns."""

    def __init__(self, announcer: Announcer, instance: str) -> None:
        self._announcer = announcer
        self._instance = instance

    def rests(self, deployment_id: str, seconds: float, outcome: Outcome) -> None:
        """A deployment rests for so many seconds, because of this outcome."""
        self._announcer.tell(
            "deployment.cooling",
            {
                "deployment": deployment_id,
                "seconds": round(seconds, 3),
                "reason": outcome.kind.name.lower(),
                "status": outcome.status,
                "instance": self._instance,
            },
        )

    def serves_again(self, deployment_id: str) -> None:
        """A deployment answered its first call after a rest."""
        self._announcer.tell("deployment.recovered", {"deployment": deployment_id, "instance": self._instance})
