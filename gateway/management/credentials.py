"""What each provider takes as its key."""

from __future__ import annotations

import json
import re

from gateway.upstream.providers import PROVIDERS

LONGEST = 8192

PLAIN = re.compile(r"[!-~]{1,512}")
PLAIN_RULE = "1 to 512 printable ASCII characters without spaces"
ACCOUNT_RULE = (
    f"the JSON of a Google service account's key file, at most {LONGEST:,} characters: an object with "
    "type 'service_account', client_email and private_key"
)


def problem(provider: str, secret: str) -> str | None:
    """The rule that the provider's key breaks; None when it is one. Never repeats the secret."""
    if PROVIDERS[provider].key != "google":
        return None if PLAIN.fullmatch(secret) else f"must be {PLAIN_RULE} for provider {provider}"
    return None if _is_service_account(secret) else f"must be {ACCOUNT_RULE} for provider {provider}"


def _is_service_account(secret: str) -> bool:
    try:
        account = json.loads(secret)
    except (ValueError, RecursionError):
        return False
    if len(secret) > LONGEST or not isinstance(account, dict) or account.get("type") != "service_account":
        return False
    return all(isinstance(account.get(name), str) and account[name] for name in ("client_email", "private_key"))
