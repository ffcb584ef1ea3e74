"""A dispatcher over any tables and sender, with a clock that is turned by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.storage.deliveries import Delivery, DeliveryStore
from gateway.storage.outbox import Event, Outbox
from gateway.storage.rows import Tables
from gateway.storage.seal import Seal
from gateway.storage.webhooks import Webhook, WebhookStore
from gateway.webhooks.dispatcher import Dispatcher
from gateway.webhooks.sender import Sender

ENCRYPTION_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
COOLING = "deployment.cooling"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def webhook(webhook_id: str = "ops", **fields: Any) -> Webhook:
    """A webhook that hears of cool-downs, with what the test says otherwise."""
    defaults = {"url": f"https://{webhook_id}.example/hook", "events": (COOLING,), "secret": SECRET}
    return Webhook(id=webhook_id, **{**defaults, "created_at": NOON, "updated_at": NOON, **fields})


class Dispatch:
    """`now` is the time; `deliveries`, `outbox` and `webhooks` are what the dispatcher works with."""

    def __init__(self, tables: Tables, sender: Sender) -> None:
        self.now = NOON
        self.tables = tables
        self.outbox = Outbox(tables)
        self.webhooks = WebhookStore(tables, Seal.from_setting(ENCRYPTION_KEY))
        self.deliveries = DeliveryStore(tables)
        self.dispatcher = self.instance(sender)

    def instance(self, sender: Sender, **more: Any) -> Dispatcher:
        """A dispatcher of one more instance."""
        more = {"chance": lambda: 0.5, **more}
        return Dispatcher(self.outbox, self.webhooks, self.deliveries, sender, lambda: self.now, **more)

    async def happen(self, *names: str, event_type: str = COOLING) -> list[Event]:
        """Events, with their names as ids, in the outbox."""
        events = [Event(name, event_type, self.now, {"deployment": f"openai-chat/{name}"}) for name in names]
        for each in events:
            await self.outbox.put(each)
        return events

    async def round(self, seconds: float = 0.0) -> None:
        """A round, so many seconds later."""
        self.now += timedelta(seconds=seconds)
        await self.dispatcher.deliver_due()

    async def delivery(self, webhook_id: str = "ops") -> Delivery:
        """The one delivery of a webhook."""
        [only] = await self.deliveries.of(webhook_id)
        return only
