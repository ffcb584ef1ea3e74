"""The sender, as far as it needs no socket; the rest is in tests/wire/test_webhooks.py."""

from __future__ import annotations

from gateway.storage.outbox import Event
from gateway.webhooks.sender import Sender
from tests.fakes.dispatch import COOLING, NOON, webhook


async def test_what_can_not_be_signed_is_not_sent() -> None:
    sender = Sender(private_targets=False)
    sent = await sender.send(webhook(secret=None), Event("msg_1", COOLING, NOON, {}), NOON)
    assert sent.status is None and sent.error == "its secret can't be opened with the gateway's encryption key"
    await sender.close()


async def test_an_address_that_is_none_is_a_failure_and_no_defect() -> None:
    sender = Sender(private_targets=False)
    for url in ("https://", "https://[::1", "nonsense"):
        sent = await sender.send(webhook(url=url), Event("msg_1", COOLING, NOON, {}), NOON)
        assert sent.error is not None and sent.error.startswith("connection failed")
    await sender.close()
