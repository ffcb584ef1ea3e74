"""Webhooks and their deliveries as the management API takes them and as it shows them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.management import rules
from gateway.management.body import Body
from gateway.storage.deliveries import Delivery
from gateway.storage.outbox import EVENT_TYPES
from gateway.storage.webhooks import Webhook
from gateway.webhooks import signing

_ID = "5f0c2b7ad1e34c0f9a6b8d72e4135c90"
_EVENT_ID = "msg_2b9d64c1f0a84e7db35c9e8f17a6d042"
_WEBHOOK: dict[str, Any] = {
    "id": _ID,
    "url": "https://ops.contoso.example/hooks/roundhouse",
    "events": ["quota.exceeded", "deployment.cooling"],
    "active": True,
    "description": "On call",
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:00Z",
    "gone_at": None,
    "previous_secret_until": None,
}
_DELIVERY: dict[str, Any] = {
    "id": f"{_ID}.{_EVENT_ID}",
    "webhook_id": _ID,
    "event_id": _EVENT_ID,
    "event_type": "deployment.cooling",
    "timestamp": "2026-11-20T09:10:00Z",
    "data": {
        "deployment": "openai-chat/gpt-4o-east",
        "seconds": 20.0,
        "reason": "throttled",
        "status": 429,
        "instance": "a1b2c3",
    },
    "state": "dead",
    "attempts": 13,
    "next_attempt_at": None,
    "last_attempt_at": "2026-11-23T14:00:00Z",
    "last_status": 503,
    "last_error": "it answered 503",
}
_WITH_SECRET = {**_WEBHOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}
_SECRET: Any = {"format": "password"}

_URL = "Where events are sent: https, or http where private targets are allowed; no credentials or fragment."
_EVENTS = "The types of events it hears of."
_ACTIVE = "Whether it hears of anything; what still waits for one that does not becomes a dead letter."
_DESCRIPTION = "What it is for, for people."
_OWN = "A secret of your own: `whsec_` and base64 of 24 to 64 bytes. Default: one by chance."
_SHOWN_ONCE = "What signs. Sealed at rest; it is shown this once and can't be had again."

URL = rules.Shape(
    re.compile(rf"{rules.URL.pattern.pattern}(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{{2}})*)?"),
    "http:// or https:// with a host, and perhaps a port, a path and a query; no credentials or fragment;"
    " 2,048 characters at most",
    2048,
)
SECRET = rules.Shape(re.compile(r"whsec_[A-Za-z0-9+/]{32,86}={0,2}"), "'whsec_' and base64 of 24 to 64 bytes", 6 + 88)
DELIVERY_ID = rules.Shape(
    re.compile(r"[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_.-]{1,128}"), "a delivery's id, as lists show it", 193
)


def _secret(text: str) -> str:
    if not signing.is_secret(text):
        raise ValueError(f"must be {SECRET.rule}")
    return text


Url = Annotated[str, URL, AfterValidator(rules.reachable(URL))]
Secret = Annotated[str, SECRET, AfterValidator(_secret)]
Events = Annotated[
    list[Annotated[str, rules.OneOf(EVENT_TYPES)]],
    Field(min_length=1, max_length=len(EVENT_TYPES), json_schema_extra={"uniqueItems": True}),
    AfterValidator(rules.unique),
]


class WebhookChange(Body):
    """What to change of a webhook. What is left out stays; null resets an optional field to its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False}]})

    url: Url | None = Field(None, description=_URL + " Null is not allowed.")
    events: Events | None = Field(None, description=_EVENTS + " Null is not allowed.")
    active: bool | None = Field(True, description=_ACTIVE)
    description: rules.TagText | None = Field(None, description=_DESCRIPTION)


class WebhookCreation(Body):
    """A webhook to register."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": _WEBHOOK["url"], "events": ["quota.exceeded", "deployment.cooling"]}]}
    )

    url: Url = Field(description=_URL)
    events: Events = Field(description=_EVENTS)
    active: bool = Field(True, description=_ACTIVE)
    description: rules.TagText | None = Field(None, description=_DESCRIPTION)
    secret: Secret | None = Field(None, repr=False, description=_OWN, json_schema_extra={**_SECRET, "writeOnly": True})


class SecretRotation(Body):
    """A webhook's new secret; the body may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    secret: Secret | None = Field(None, repr=False, description=_OWN, json_schema_extra={**_SECRET, "writeOnly": True})


class WebhookView(BaseModel):
    """A webhook as it is stored, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WEBHOOK]})

    id: str = Field(description="Its id, for good.")
    url: str = Field(description=_URL)
    events: list[str] = Field(description=_EVENTS)
    active: bool = Field(description=_ACTIVE)
    description: str | None = Field(description=_DESCRIPTION)
    created_at: datetime = Field(description="When it was registered, in UTC; it hears of nothing older.")
    updated_at: datetime = Field(description="When it was last changed, in UTC.")
    gone_at: datetime | None = Field(
        description="When its target answered 410 Gone and it was switched off for that; null: it did not."
    )
    previous_secret_until: datetime | None = Field(
        description="Until when the secret before the last rotation signs too; null: there was no rotation."
    )

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookView:
        """The view of a webhook; its secrets do not get past this line."""
        return cls(**_shown(webhook))


class NewWebhookView(WebhookView):
    """A webhook with a new secret: the only answer that shows it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WITH_SECRET]})

    secret: str = Field(description=_SHOWN_ONCE)

    @classmethod
    def showing(cls, webhook: Webhook, secret: str) -> NewWebhookView:
        """The view of a webhook whose secret was made or given just now."""
        return cls(**_shown(webhook), secret=secret)


class WebhookTestView(BaseModel):
    """What a test event came to."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ok": True, "status": 204, "latency_ms": 83.1, "error": None}]}
    )

    ok: bool = Field(description="Whether the target answered with a 2xx status.")
    status: int | None = Field(description="The target's HTTP status; null: no answer.")
    latency_ms: float | None = Field(description="Milliseconds until the target's status; null: no answer.")
    error: str | None = Field(description="What went wrong; null: nothing.")


class DeliveryView(BaseModel):
    """One event on its way to one webhook."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DELIVERY]})

    id: str = Field(description="The webhook's id and the event's.")
    webhook_id: str = Field(description="The webhook.")
    event_id: str = Field(description="The event's id: the header `webhook-id` of every attempt.")
    event_type: str = Field(description="What happened.")
    timestamp: datetime = Field(description="When it happened, in UTC.")
    data: dict[str, Any] = Field(description="What is known of it.")
    state: str = Field(description="`pending`, `delivered` or `dead`: no more is tried until it is replayed.")
    attempts: int = Field(description="How often it was tried, since its last replay.")
    next_attempt_at: datetime | None = Field(description="When it is tried next, in UTC; null: it is not pending.")
    last_attempt_at: datetime | None = Field(description="When it was last tried, in UTC; null: never.")
    last_status: int | None = Field(description="The target's HTTP status then; null: no answer, or never tried.")
    last_error: str | None = Field(description="Why that failed; null: it did not.")

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryView:
        """The view of a delivery."""
        event = delivery.event
        return cls(
            id=delivery.id,
            webhook_id=delivery.webhook_id,
            event_id=event.id,
            event_type=event.event_type,
            timestamp=event.timestamp,
            data=dict(event.data),
            state=delivery.state,
            attempts=delivery.attempts,
            next_attempt_at=delivery.due_at if delivery.state == "pending" else None,
            last_attempt_at=delivery.last_attempt_at,
            last_status=delivery.last_status,
            last_error=delivery.last_error,
        )


class ReplayView(BaseModel):
    """How much is tried again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"replayed": 3}]})

    replayed: int = Field(description="How many dead letters are tried again.")


def _shown(webhook: Webhook) -> dict[str, Any]:
    names = ("id", "url", "active", "description", "created_at", "updated_at", "gone_at")
    plain = {name: getattr(webhook, name) for name in names}
    return {**plain, "events": list(webhook.events), "previous_secret_until": webhook.previous_until}
