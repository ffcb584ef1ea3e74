"""A stored key as its API takes it and as it shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.management import rules
from gateway.management.body import Body
from gateway.registry.deployments import MASK
from gateway.registry.keys import Key

_ID = "9c2f40d1b7a84e56a1c3f7e2d9b80416"
_KEY: dict[str, Any] = {
    "key_id": _ID,
    "name": "openai-production",
    "provider": "openai",
    "value": MASK,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:00Z",
    "rotated_at": None,
}
_SECRET: Any = {"format": "password", "writeOnly": True}

_NAME = "Its name, which no other key has."
_WHICH = "Which key."
_VALUE = "The provider's key: encrypted at rest, never shown again. For provider vertex: a service account's JSON."


class StoredKeyCreation(Body):
    """A key to store."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "openai-production", "provider": "openai", "value": "YOUR_OPENAI_KEY"}]
        }
    )

    name: rules.Name = Field(description=_NAME)
    provider: rules.ProviderName = Field(description="The provider that gave it; it serves that provider only.")
    value: rules.Secret = Field(repr=False, description=_VALUE, json_schema_extra=_SECRET)


class StoredKeyChange(Body):
    """What to change of a key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"key_id": _ID, "name": "openai-staging"}]})

    key_id: rules.Name = Field(description=_WHICH)
    name: rules.Name | None = Field(None, description=_NAME + " Left out, or null: it stays.")


class StoredKeyRotation(Body):
    """A key's new value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"key_id": _ID, "value": "YOUR_NEW_OPENAI_KEY"}]})

    key_id: rules.Name = Field(description=_WHICH)
    value: rules.Secret = Field(repr=False, description=_VALUE, json_schema_extra=_SECRET)


class StoredKeyChoice(Body):
    """Which key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"key_id": _ID}]})

    key_id: rules.Name = Field(description=_WHICH)


class StoredKeyQuery(Body):
    """Which key, by id or by name."""

    key_id: rules.Name | None = Field(None, description="Its id; this or `name`.", examples=[_ID])
    name: rules.Name | None = Field(None, description="Its name; this or `key_id`.", examples=["openai-production"])


class StoredKeyFilter(Body):
    """Which keys to list."""

    provider: rules.ProviderName | None = Field(None, description="Only those of this provider.", examples=["openai"])


class StoredKeyView(BaseModel):
    """A stored key, without its value."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY]})

    key_id: str = Field(description="Its id, which deployments and models of endpoints name.")
    name: str = Field(description=_NAME)
    provider: str = Field(description="The provider that gave it.")
    value: str | None = Field(
        description=f"`{MASK}`; null when it can't be opened with the gateway's encryption key: rotate it."
    )
    created_at: datetime = Field(description="When it was stored, in UTC.")
    updated_at: datetime = Field(description="When it was last changed or rotated, in UTC.")
    rotated_at: datetime | None = Field(description="When it last got another value; null: never.")

    @classmethod
    def of(cls, key: Key) -> StoredKeyView:
        """The view of a key; its value does not get past this line."""
        plain = {name: getattr(key, name) for name in cls.model_fields if name not in ("key_id", "value")}
        return cls(key_id=key.id, value=None if key.value is None else MASK, **plain)


class KeyAnswer(BaseModel):
    """One key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"key": _KEY}]})

    key: StoredKeyView = Field(description="The key.")


class KeysAnswer(BaseModel):
    """Keys, by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"keys": [_KEY]}]})

    keys: list[StoredKeyView] = Field(description="The keys, perhaps none.")
