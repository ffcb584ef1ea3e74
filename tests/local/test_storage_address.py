"""What is said of a storage: on this machine all, of any other nothing that opens it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.local import announce
from gateway.local.azurite import connection_string
from gateway.local.state import LocalFile
from gateway.local.storage import storage_address
from gateway.settings import Settings

CLOUD = "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=c2VjcmV0Cg==;EndpointSuffix=core.windows.net"


def test_no_storage_is_no_address() -> None:
    assert storage_address(Settings()) is None


@pytest.mark.parametrize("text", [connection_string(4711), "UseDevelopmentStorage=true", "usedevelopmentstorage=true;"])
def test_an_azurite_of_this_machine_is_shown_whole(text: str) -> None:
    address = storage_address(Settings(storage_connection=text))
    assert address is not None
    assert (address.text, address.shown, address.is_local) == (text, text, True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (CLOUD, "storage account contoso"),
        (
            "TableEndpoint=https://contoso.table.core.windows.net;SharedAccessSignature=sv=2024&sig=c2VjcmV0Cg%3D",
            "https://contoso.table.core.windows.net",
        ),
        ("TableEndpoint=https://contoso.example/?sig=c2VjcmV0Cg;AccountName=contoso", "https://contoso.example/"),
        ("nonsense c2VjcmV0Cg", "storage account ?"),
    ],
)
def test_the_key_of_any_other_is_not_shown(text: str, shown: str) -> None:
    address = storage_address(Settings(storage_connection=text))
    assert address is not None
    assert (address.text, address.shown, address.is_local) == (text, shown, False)
    assert "c2VjcmV0Cg" not in address.shown


def test_the_tables_endpoint_wins() -> None:
    address = storage_address(Settings(storage_connection=CLOUD, tables_endpoint="https://fabrikam.example"))
    assert address is not None
    assert (address.text, address.shown, address.is_local) == (
        "https://fabrikam.example",
        "https://fabrikam.example",
        False,
    )


def test_what_is_printed_of_a_storage_elsewhere_does_not_open_it(capsys: pytest.CaptureFixture[str]) -> None:
    address = storage_address(Settings(storage_connection=CLOUD))
    assert address is not None
    announce.starting(address, Path("azurite"), demo=False)
    announce.waiting(address, RuntimeError("dead"))
    announce.no_encryption_key()
    announce.ready(LocalFile("http://127.0.0.1:1", "token", "rh-key", address.text), address, Path("local.json"))
    printed = capsys.readouterr().out
    assert "storage account contoso" in printed
    assert "GATEWAY_ENCRYPTION_KEY is not set" in printed
    assert "c2VjcmV0Cg" not in printed
