"""Which storage the settings name, and what importing it costs: nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.errors import StorageUnavailable
from gateway.settings import SettingError, Settings
from gateway.storage.tables import AzureTables, connect

ROOM = ("deployments", "failures", "memory", "refresh", "revision", "rows", "seal", "tables", "tenants", "tokens")
KEY = "Y" * 86 + "=="


def address(tables: AzureTables) -> str:
    """Where the client would go; nothing is sent."""
    return tables._connected().url


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10002/devstoreaccount1"),
        (f"DefaultEndpointsProtocol=https;AccountName=acc;AccountKey={KEY}", "https://acc.table.core.windows.net"),
        (
            f"AccountName=acc;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn",
            "https://acc.table.core.chinacloudapi.cn",
        ),
        (f"AccountName=acc;AccountKey={KEY};TableEndpoint=http://127.0.0.1:9/acc;", "http://127.0.0.1:9/acc"),
        ("TableEndpoint=https://t.example/;SharedAccessSignature=sv=1&sig=x", "https://t.example"),
    ],
)
async def test_every_form_of_connection_string_names_its_table_service(connection: str, expected: str) -> None:
    tables = connect(Settings(storage_connection=connection))
    assert address(tables) == expected
    await tables.close()


async def test_the_endpoint_wins_over_the_connection_string() -> None:
    tables = connect(Settings(storage_connection="UseDevelopmentStorage=true", tables_endpoint="https://t.example/"))
    assert address(tables) == "https://t.example"
    await tables.close()


def test_without_any_storage_the_error_says_what_to_set() -> None:
    with pytest.raises(SettingError, match="set AzureWebJobsStorage or TABLES_ENDPOINT"):
        connect(Settings())


@pytest.mark.parametrize("endpoint", ["http://t.example", "t.example"])
def test_a_token_is_never_sent_without_encryption(endpoint: str) -> None:
    with pytest.raises(SettingError, match="TABLES_ENDPOINT must begin with https://"):
        connect(Settings(tables_endpoint=endpoint))


@pytest.mark.parametrize(
    "connection", ["s3cret", "AccountName=acc", "AccountKey=s3cret", "=", ";;", "AccountName=;AccountKey="]
)
async def test_a_connection_string_that_is_none_is_named_and_not_shown(connection: str) -> None:
    tables = connect(Settings(storage_connection=connection))
    with pytest.raises(StorageUnavailable, match="AzureWebJobsStorage does not name a storage account") as caught:
        await tables.get("things", "p", "k")
    assert "s3cret" not in str(caught.value)
    await tables.close()


async def test_an_endpoint_that_is_none_is_named() -> None:
    tables = connect(Settings(tables_endpoint="https://"))
    with pytest.raises(StorageUnavailable, match="TABLES_ENDPOINT does not name a storage account"):
        await tables.get("things", "p", "k")
    await tables.close()


async def test_closing_what_was_never_used_does_nothing() -> None:
    await connect(Settings(storage_connection="UseDevelopmentStorage=true")).close()


def test_importing_the_room_loads_neither_the_sdk_nor_cryptography() -> None:
    modules = "".join(f"import gateway.storage.{name}\n" for name in ROOM)
    look = "import sys; print([m for m in sys.modules if m.split('.')[0] in ('azure', 'cryptography', 'aiohttp')])"
    ran = subprocess.run([sys.executable, "-c", modules + look], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
