"""Every way to be let in by a real table service: account key, shared access signature, managed identity."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import AccountSasPermissions, ResourceTypes, generate_account_sas
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.local.azurite import ACCOUNT, ACCOUNT_KEY
from gateway.settings import Settings
from gateway.storage.rows import Row
from gateway.storage.tables import connect
from tests.azurite.conftest import Azurite

# What a gateway in Azure does, in a process of its own: its trust and its identity come from the environment.
BY_IDENTITY = """
import asyncio
from gateway.errors import StorageUnavailable
from gateway.settings import Settings
from gateway.storage.rows import Row
from gateway.storage.tables import connect

async def main():
    tables = connect(Settings.from_environment())
    try:
        await tables.put("things", Row("p", "k", {"A": 1}))
        print(dict((await tables.get("things", "p", "k")).values))
    except StorageUnavailable as error:
        print("unavailable:", error.message)
    await tables.close()

asyncio.run(main())
"""


async def test_a_shared_access_signature_lets_in(shared_azurite: Azurite, table: str) -> None:
    signature = generate_account_sas(
        AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY),
        resource_types=ResourceTypes(service=True, object=True, container=True),
        permission=AccountSasPermissions(
            read=True, write=True, add=True, update=True, delete=True, list=True, create=True
        ),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    endpoint = f"http://127.0.0.1:{shared_azurite.port}/{ACCOUNT}"
    tables = connect(Settings(storage_connection=f"TableEndpoint={endpoint};SharedAccessSignature={signature}"))
    row = await tables.put(table, Row("p", "k", {"A": 1}))
    assert await tables.list(table, "p") == [row]
    await tables.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one directory."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, unencrypted))
    return tmp_path


@pytest.fixture
def oauth_azurite(certificate: Path, tmp_path: Path) -> Iterator[Azurite]:
    """An Azurite that takes Entra tokens, over TLS."""
    data = tmp_path / "data"
    data.mkdir()
    files = ["--cert", str(certificate / "cert.pem"), "--key", str(certificate / "key.pem")]
    azurite = Azurite(data, "--oauth", "basic", *files)
    azurite.start()
    yield azurite
    azurite.kill()


def token(audience: str) -> str:
    """A token as Entra would make it; Azurite reads its claims and not its signature."""
    now = int(time.time())
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{uuid.UUID(int=0)}/",
        "nbf": now - 60,
        "iat": now - 60,
        "exp": now + 3600,
    }
    parts = [{"alg": "none", "typ": "JWT"}, claims]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".x"


@asynccontextmanager
async def identity_endpoint(audience: str, asked: list[str]) -> AsyncIterator[str]:
    """The identity endpoint of App Service, as far as a client can tell."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head)
        answer = {
            "access_token": token(audience),
            "expires_on": str(int(time.time()) + 3600),
            "resource": "https://storage.azure.com",
            "token_type": "Bearer",
        }
        body = json.dumps(answer)
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n\r\n{body}".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/msi/token"


async def run_by_identity(azurite: Azurite, certificate: Path, endpoint: str) -> str:
    """What a gateway says that has nothing but a managed identity."""
    environment = {
        "PATH": os.environ["PATH"],
        "TABLES_ENDPOINT": f"https://127.0.0.1:{azurite.port}/{ACCOUNT}",
        "IDENTITY_ENDPOINT": endpoint,
        "IDENTITY_HEADER": "the-header",
        "SSL_CERT_FILE": str(certificate / "cert.pem"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        BY_IDENTITY,
        env=environment,
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return output.decode().strip()


async def test_a_managed_identity_lets_in(oauth_azurite: Azurite, certificate: Path) -> None:
    asked: list[str] = []
    async with identity_endpoint("https://storage.azure.com", asked) as endpoint:
        assert await run_by_identity(oauth_azurite, certificate, endpoint) == "{'A': 1}"
    (request,) = asked
    assert "resource=https://storage.azure.com" in request
    assert "the-header" in request


async def test_an_identity_that_storage_refuses_is_told_as_our_fault(oauth_azurite: Azurite, certificate: Path) -> None:
    async with identity_endpoint("https://elsewhere.example", []) as endpoint:
        said = await run_by_identity(oauth_azurite, certificate, endpoint)
    assert said.startswith("unavailable: Storage refuses the gateway's own credentials (")
    assert "ClientAuthenticationError" not in said


async def test_no_identity_at_all_is_told_as_our_fault(oauth_azurite: Azurite, certificate: Path) -> None:
    said = await run_by_identity(oauth_azurite, certificate, "http://127.0.0.1:9/msi/token")
    assert said.startswith("unavailable: Storage ")
