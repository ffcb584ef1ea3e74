"""Which storage the settings name: how to show it, and whether it is an Azurite on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DEVELOPMENT = "usedevelopmentstorage=true"


@dataclass(frozen=True)
class StorageAddress:
    """`text` opens the storage and may hold its key; `shown` is safe to print; `is_local`: it is on this machine."""

    text: str
    shown: str
    is_local: bool


def storage_address(settings: Settings) -> StorageAddress | None:
    """The storage that the environment names; None if it names none."""
    if settings.tables_endpoint:
        endpoint = settings.tables_endpoint
        return StorageAddress(endpoint, endpoint, urlsplit(endpoint).hostname in LOOPBACK)
    text = settings.storage_connection
    if text is None:
        return None
    if text.lower().rstrip(";") == DEVELOPMENT:
        return StorageAddress(text, text, is_local=True)
    parts = {name.strip().lower(): value for name, _, value in (each.partition("=") for each in text.split(";"))}
    endpoint = parts.get("tableendpoint", "")
    if urlsplit(endpoint).hostname in LOOPBACK:
        return StorageAddress(text, text, is_local=True)  # its key is Azurite's, which is public
    account = endpoint.partition("?")[0] or f"storage account {parts.get('accountname', '?')}"
    return StorageAddress(text, account, is_local=False)
