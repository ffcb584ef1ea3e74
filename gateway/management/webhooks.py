"""Routes of webhooks: registrations, their secrets, their deliveries and dead letters."""

from __future__ import annotations

import contextlib
import ipaddress
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Path

from gateway.errors import BodyTooLarge, Conflict, EncryptionNotConfigured, InvalidRequest, NotFound
from gateway.management import rules
from gateway.management.context import Context, ManagementContext
from gateway.management.error_models import documented
from gateway.management.webhook_models import (
    DELIVERY_ID,
    DeliveryView,
    NewWebhookView,
    ReplayView,
    SecretRotation,
    WebhookChange,
    WebhookCreation,
    WebhookTestView,
    WebhookView,
)
from gateway.storage.outbox import new_event
from gateway.storage.webhooks import Webhook, missing
from gateway.webhooks import signing
from gateway.webhooks.addresses import is_public

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

OLD_SECRET_SIGNS = timedelta(hours=24)
MOST_SHOWN = 100
MOST_DEAD_SHOWN = 1000

WebhookId = Annotated[rules.Name, Path(description="The webhook's id.", examples=["5f0c2b7ad1e34c0f9a6b8d72e4135c90"])]
DeliveryId = Annotated[
    str,
    DELIVERY_ID,
    Path(
        description="The dead letter's id.",
        examples=["5f0c2b7ad1e34c0f9a6b8d72e4135c90.msg_2b9d64c1f0a84e7db35c9e8f17a6d042"],
    ),
]


@router.post(
    "",
    summary="Register a webhook",
    response_description="The webhook and its secret, shown this once.",
    status_code=201,
    responses=documented(InvalidRequest, BodyTooLarge, EncryptionNotConfigured),
)
async def create_webhook(creation: WebhookCreation, context: Context) -> NewWebhookView:
    """Registers an address for events that happen from now on."""
    _check_url(creation.url, context)
    now = datetime.now(UTC)
    secret = creation.secret or signing.new_secret()
    webhook = Webhook(
        id=uuid.uuid4().hex,
        url=creation.url,
        events=tuple(creation.events),
        active=creation.active,
        description=creation.description,
        secret=secret,
        created_at=now,
        updated_at=now,
    )
    await context.webhooks.create(webhook)
    await context.registry.refresh(force=True)
    return NewWebhookView.showing(webhook, secret)


@router.get("", summary="List webhooks", response_description="The webhooks, perhaps none.", responses=documented())
async def list_webhooks(context: Context) -> list[WebhookView]:
    """Every webhook, the oldest first."""
    found = await context.webhooks.list()
    return [WebhookView.of(each) for each in sorted(found, key=lambda each: (each.created_at, each.id))]


@router.get(
    "/dead-letters",
    summary="List dead letters",
    response_description="The dead letters, perhaps none.",
    responses=documented(),
)
async def list_dead_letters(context: Context) -> list[DeliveryView]:
    """The deliveries of all webhooks that are not tried any more, the newest event first; a thousand at most."""
    return [DeliveryView.of(each) for each in (await context.deliveries.dead())[:MOST_DEAD_SHOWN]]


@router.post(
    "/dead-letters/{delivery_id}/replay",
    summary="Replay a dead letter",
    response_description="The delivery, pending again.",
    responses=documented(InvalidRequest, NotFound, Conflict),
)
async def replay_dead_letter(delivery_id: DeliveryId, context: Context) -> DeliveryView:
    """Has it tried again, from the first attempt on, with the id it always had."""
    return DeliveryView.of(await context.deliveries.replay(delivery_id, datetime.now(UTC)))


@router.get(
    "/{webhook_id}",
    summary="Read a webhook",
    response_description="The webhook.",
    responses=documented(InvalidRequest, NotFound),
)
async def read_webhook(webhook_id: WebhookId, context: Context) -> WebhookView:
    """One webhook as it is stored."""
    return WebhookView.of(await _existing(context, webhook_id))


@router.patch(
    "/{webhook_id}",
    summary="Change a webhook",
    response_description="The webhook as it is stored now.",
    responses=documented(InvalidRequest, NotFound, Conflict, BodyTooLarge, EncryptionNotConfigured),
)
async def update_webhook(webhook_id: WebhookId, change: WebhookChange, context: Context) -> WebhookView:
    """Changes what the body names; what waits for delivery goes to the new address."""
    values = _values(change)
    if change.url is not None:
        _check_url(change.url, context)

    def changed(before: Webhook) -> Webhook:
        after = replace(before, **values)
        if after.active:
            after = replace(after, gone_at=None)
        return after if after == before else replace(after, updated_at=datetime.now(UTC))

    stored = await context.webhooks.update(webhook_id, changed)
    await context.registry.refresh(force=True)
    return WebhookView.of(stored)


@router.delete(
    "/{webhook_id}",
    summary="Delete a webhook",
    response_description="It is gone.",
    status_code=204,
    responses=documented(InvalidRequest, NotFound),
)
async def delete_webhook(webhook_id: WebhookId, context: Context) -> None:
    """Removes the webhook; what waits for it is not delivered."""
    deleted = await context.webhooks.delete(webhook_id)
    await context.registry.refresh(force=True)
    if not deleted:
        raise missing(webhook_id)


@router.post(
    "/{webhook_id}/rotate-secret",
    summary="Give a webhook a new secret",
    response_description="The webhook and its new secret, shown this once.",
    responses=documented(InvalidRequest, NotFound, Conflict, BodyTooLarge, EncryptionNotConfigured),
)
async def rotate_webhook_secret(
    webhook_id: WebhookId, context: Context, rotation: SecretRotation | None = None
) -> NewWebhookView:
    """For 24 hours the old secret signs beside the new one, so that the receiver can change over meanwhile."""
    secret = (rotation and rotation.secret) or signing.new_secret()
    now = datetime.now(UTC)

    def rotated(before: Webhook) -> Webhook:
        return replace(
            before,
            secret=secret,
            previous_secret=before.secret,
            previous_until=now + OLD_SECRET_SIGNS,
            updated_at=now,
        )

    return NewWebhookView.showing(await context.webhooks.update(webhook_id, rotated), secret)


@router.post(
    "/{webhook_id}/test",
    summary="Try a webhook out",
    response_description="What became of the test event.",
    responses=documented(InvalidRequest, NotFound),
)
async def test_webhook(webhook_id: WebhookId, context: Context) -> WebhookTestView:
    """Sends an event `webhook.test`, once and at once, also to a webhook that is switched off."""
    webhook = await _existing(context, webhook_id)
    now = datetime.now(UTC)
    sent = await context.sender.send(webhook, new_event("webhook.test", now, {"webhook_id": webhook.id}), now)
    latency_ms = None if sent.latency_ms is None else round(sent.latency_ms, 1)
    return WebhookTestView(ok=sent.error is None, status=sent.status, latency_ms=latency_ms, error=sent.error)


@router.get(
    "/{webhook_id}/deliveries",
    summary="List a webhook's deliveries",
    response_description="The deliveries, perhaps none.",
    responses=documented(InvalidRequest, NotFound),
)
async def list_deliveries(webhook_id: WebhookId, context: Context) -> list[DeliveryView]:
    """The latest hundred, the newest event first. A delivered one is kept for 3 days, a dead one for 30."""
    await _existing(context, webhook_id)
    return [DeliveryView.of(each) for each in (await context.deliveries.of(webhook_id))[:MOST_SHOWN]]


@router.post(
    "/{webhook_id}/replay",
    summary="Replay all dead letters of a webhook",
    response_description="How many are tried again.",
    responses=documented(InvalidRequest, NotFound, Conflict),
)
async def replay_webhook(webhook_id: WebhookId, context: Context) -> ReplayView:
    """Has every dead letter of the webhook tried again, from the first attempt on."""
    await _existing(context, webhook_id)
    dead = [each for each in await context.deliveries.of(webhook_id) if each.state == "dead"]
    now = datetime.now(UTC)
    # The oldest event first, as they happened.
    replayed = 0
    for each in reversed(dead):
        with contextlib.suppress(NotFound):
            await context.deliveries.replay(each.id, now)
            replayed += 1
    return ReplayView(replayed=replayed)


async def _existing(context: ManagementContext, webhook_id: str) -> Webhook:
    found = await context.webhooks.read(webhook_id)
    if found is None:
        raise missing(webhook_id)
    return found


def _values(change: WebhookChange) -> dict[str, Any]:
    """The fields of Webhook that the change sets; null stands for the field's default."""
    values: dict[str, Any] = {}
    for name in change.model_fields_set:
        given = getattr(change, name)
        if given is None and name in ("url", "events"):
            raise InvalidRequest(f"{name} must not be null: every webhook has one", param=name)
        values[name] = WebhookChange.model_fields[name].default if given is None else given
    if "events" in values:
        values["events"] = tuple(values["events"])
    return values


def _check_url(url: str, context: ManagementContext) -> None:
    """Refuse what would never be sent to. Where a name leads is seen when it is connected to."""
    if context.sender.private_targets:
        return
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise InvalidRequest("url must begin with https://", param="url")
    try:
        public = is_public(ipaddress.ip_address(parts.hostname or ""))
    except ValueError:
        return
    if not public:
        raise InvalidRequest("url must lead to a public address", param="url")
