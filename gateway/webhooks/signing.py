"""Signatures by which a receiver knows who sent a delivery: Standard Webhooks, HMAC-SHA-256."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32
# What the specification asks of a secret.
FEWEST_BYTES, MOST_BYTES = 24, 64


def new_secret() -> str:
    """A secret by chance: `whsec_` and base64 of 32 bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether this is `whsec_` and base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(PREFIX) and FEWEST_BYTES <= len(key) <= MOST_BYTES


def headers(message_id: str, timestamp: int, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The headers of one attempt: id, seconds since the epoch, and a signature by each of the secrets."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (hmac.digest(base64.b64decode(key.removeprefix(PREFIX)), signed, hashlib.sha256) for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in signatures),
    }
