"""The dispatcher: from the outboxes to the targets, one round at a time."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gateway.errors import NotFound, StorageUnavailable
from gateway.storage.deliveries import Delivery, DeliveryStore, by_webhook
from gateway.storage.outbox import PLACES, Outbox
from gateway.storage.rows import Row
from gateway.storage.webhooks import Webhook, WebhookStore
from gateway.webhooks.schedule import GONE, after_attempt, given_up
from gateway.webhooks.sender import Sender

log = logging.getLogger("gateway.webhooks")

# Attempts under way at a time: to one target, and in all.
TO_ONE = 4
IN_ALL = 32
# No attempt begins later in a round than this; what is left is due in the next one.
ROUND_SECONDS = 40.0


class Dispatcher:
    """Brings every event to every webhook that wants it, at least once.

    Several instances may do rounds at a time: a delivery is claimed before it is sent. utc_now: the time, in UTC.
    """

    def __init__(
        self,
        outbox: Outbox,
        webhooks: WebhookStore,
        deliveries: DeliveryStore,
        sender: Sender,
        utc_now: Callable[[], datetime],
        *,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._outbox = outbox
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._sender = sender
        self._utc_now = utc_now
        self._chance = chance
        self._sleep = sleep

    async def run(self, interval: float) -> None:
        """Do rounds until cancelled, with so many seconds between two."""
        failing = False
        while True:
            try:
                await self.deliver_due()
                failing = False
            except StorageUnavailable:
                # The registry says so in the log; events wait where they are.
                pass
            except Exception:
                # A defect of ours must not end the loop that would outlive it.
                if not failing:
                    log.exception("a round of webhooks failed")
                failing = True
            await self._sleep(interval)

    async def deliver_due(self) -> None:
        """One round: make deliveries of the events in the outboxes, and send those that are due.

        Costs one read when no webhook is registered. Raises StorageUnavailable; what was not done is done by the next
        round.
        """
        webhooks = {each.id: each for each in await self._webhooks.list()}
        if not webhooks:
            return
        await self._distribute(webhooks.values())
        due = by_webhook(await self._deliveries.due(self._utc_now()))
        gate = asyncio.Semaphore(IN_ALL)
        loop = asyncio.get_running_loop()
        # The loop's own time: how long a round may take is no matter of the calendar.
        until = loop.time() + ROUND_SECONDS
        await _all(self._work_off(rows, webhooks, gate, lambda: loop.time() < until) for rows in due.values())

    async def _distribute(self, webhooks: Iterable[Webhook]) -> None:
        """Make a delivery for each event and each webhook that wants it, and only then take the event away.

        A webhook hears of nothing that happened before it was registered.
        """
        active = [each for each in webhooks if each.active]
        for table, partition in PLACES:
            for row, event in await self._outbox.read(table, partition):
                for webhook in active:
                    if event.event_type in webhook.events and event.timestamp >= webhook.created_at:
                        await self._deliveries.add(webhook.id, event, self._utc_now())
                await self._outbox.remove(table, row)

    async def _work_off(
        self, due: Iterable[Row], webhooks: Mapping[str, Webhook], gate: asyncio.Semaphore, in_time: Callable[[], bool]
    ) -> None:
        """Send what is due for one webhook, in a few lanes; after a failure the rest waits for the next round.

        So a target that is slow or down holds up the others for one attempt at most.
        """
        queue = iter(due)
        going_well = True

        async def lane() -> None:
            nonlocal going_well
            for row in queue:
                async with gate:
                    if not (going_well and in_time()):
                        return
                    going_well = await self._deliver(row, webhooks) and going_well

        await _all(lane() for _ in range(TO_ONE))

    async def _deliver(self, due: Row, webhooks: Mapping[str, Webhook]) -> bool:
        """Send one delivery; whether its target may be sent the next."""
        now = self._utc_now()
        delivery = await self._deliveries.claim(due, now)
        if delivery is None:
            return True
        webhook = webhooks.get(delivery.webhook_id)
        if webhook is None:
            await self._deliveries.remove(delivery)
            return True
        if not webhook.active:
            await self._settle(delivery, given_up(delivery, "the webhook is switched off", now))
            return True
        sent = await self._sender.send(webhook, delivery.event, now)
        now = self._utc_now()
        await self._settle(delivery, after_attempt(delivery, sent, now, self._chance()))
        if sent.status == GONE:
            await self._switch_off(webhook, now)
        return sent.error is None

    async def _settle(self, before: Delivery, after: Delivery) -> None:
        if await self._deliveries.settle(before, after) and after.state == "dead":
            log.warning("delivery %s is a dead letter: %s", after.id, after.last_error)

    async def _switch_off(self, webhook: Webhook, now: datetime) -> None:
        """A target that answers 410 wants to hear nothing more."""
        log.warning("webhook %s answered 410 Gone and was switched off", webhook.id)
        try:
            await self._webhooks.update(
                webhook.id, lambda before: replace(before, active=False, gone_at=now, updated_at=now)
            )
        except NotFound:
            return


async def _all(works: Iterable[Awaitable[None]]) -> None:
    """Wait until all have ended, then raise what the first of them raised."""
    for end in await asyncio.gather(*works, return_exceptions=True):
        if end is not None:
            raise end
