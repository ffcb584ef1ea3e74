"""The target of webhooks, without sockets: answers what it was told to, and remembers what it was sent."""

from __future__ import annotations

import asyncio
from datetime import datetime

from gateway.storage.outbox import Event
from gateway.storage.webhooks import Webhook
from gateway.webhooks.sender import Sender, Sent

TAKEN = Sent(status=204, latency_ms=12.3456)


class FakeSender(Sender):
    """`answers`: what the next attempts come to, the last one for ever."""

    def __init__(self, *answers: Sent, private_targets: bool = False) -> None:
        super().__init__(private_targets=private_targets)
        self.answers = list(answers) or [TAKEN]
        self.sent: list[tuple[Webhook, Event, datetime]] = []

    async def send(self, webhook: Webhook, event: Event, now: datetime) -> Sent:
        """Take note, and answer."""
        self.sent.append((webhook, event, now))
        await asyncio.sleep(0)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
