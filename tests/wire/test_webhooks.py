"""Webhooks on real sockets: a target that is down, one that misbehaves, and addresses that must not be reached."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks.webhooks
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from standardwebhooks import Webhook as Verifier

from gateway.storage.memory import MemoryTables
from gateway.storage.outbox import Event
from gateway.webhooks import sender as sender_module
from gateway.webhooks.addresses import public_socket
from gateway.webhooks.sender import Sender
from tests.fakes.dispatch import COOLING, NOON, SECRET, Dispatch, webhook
from tests.wire.target import OK, Target, target

EVENT = Event("msg_1", COOLING, NOON, {"deployment": "openai-chat/east"})
NEW_SECRET = "whsec_" + "bmV3" * 8


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made = Sender(private_targets=True)
    yield made
    await made.close()


@pytest.fixture
async def strict() -> AsyncIterator[Sender]:
    made = Sender(private_targets=False)
    yield made
    await made.close()


def verify(monkeypatch: pytest.MonkeyPatch, now: datetime, request: tuple[dict[str, str], bytes], secret: str) -> Any:
    """What the receiver's own library makes of a request that comes now."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Clock)
    headers, body = request
    return Verifier(secret).verify(body, headers)


async def test_a_target_that_is_down_for_an_hour_gets_each_event_afterwards_and_its_signature_verifies(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = Dispatch(MemoryTables(), sender)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    await dispatch.webhooks.create(webhook(url=Target(port).url))
    names = [f"msg_{number}" for number in range(10)]
    for minute in range(60):
        if minute < 10:
            await dispatch.happen(names[minute])
        await dispatch.round(60)
    assert {each.last_error for each in await dispatch.deliveries.of("ops")} == {"can't connect: Connection refused"}
    heard: dict[str, datetime] = {}
    async with target(port) as up:
        for _ in range(60):
            await dispatch.round(60)
            for request in up.requests:
                said = verify(monkeypatch, dispatch.now, request, SECRET)
                event_id = request[0]["webhook-id"]
                assert list(said) == ["event_type", "timestamp", "data"]
                assert said["event_type"] == COOLING and said["data"] == {"deployment": f"openai-chat/{event_id}"}
                assert event_id not in heard
                heard[event_id] = dispatch.now
            up.requests.clear()
    assert sorted(heard) == names
    assert max(heard.values()) <= NOON + timedelta(minutes=120)
    assert {each.state for each in await dispatch.deliveries.of("ops")} == {"delivered"}


async def test_after_a_rotation_both_secrets_verify_for_a_day(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    until = NOON + timedelta(hours=24)
    async with target() as up:
        rotated = webhook(url=up.url, secret=NEW_SECRET, previous_secret=SECRET, previous_until=until)
        assert (await sender.send(rotated, EVENT, NOON)).error is None
        assert (await sender.send(rotated, EVENT, until)).error is None
        for secret in (SECRET, NEW_SECRET):
            assert verify(monkeypatch, NOON, up.requests[0], secret)["event_type"] == COOLING
        assert verify(monkeypatch, until, up.requests[1], NEW_SECRET)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verify(monkeypatch, until, up.requests[1], SECRET)


async def test_a_redirect_is_not_followed(sender: Sender) -> None:
    async with target() as other:
        redirect = f"HTTP/1.1 307 Go\r\nlocation: {other.url}\r\ncontent-length: 0\r\n\r\n".encode()
        async with target(answer=redirect) as up:
            sent = await sender.send(webhook(url=up.url), EVENT, NOON)
        assert (sent.status, sent.error) == (307, "it answered 307; redirects are not followed")
        assert len(up.requests) == 1 and not other.requests


async def test_a_failing_answer_tells_its_status_and_when_to_come_back(sender: Sender) -> None:
    async with target(answer=b"HTTP/1.1 429 No\r\nRetry-After: 90\r\ncontent-length: 0\r\n\r\n") as up:
        sent = await sender.send(webhook(url=up.url), EVENT, NOON)
    assert (sent.status, sent.error, sent.retry_after) == (429, "it answered 429", 90)


@pytest.mark.parametrize(
    ("body", "length"), [(b"x" * (4 << 20), 4 << 20), (b"half", 1000)], ids=["four megabytes", "cut off"]
)
async def test_a_long_or_broken_answer_changes_nothing_of_its_status(sender: Sender, body: bytes, length: int) -> None:
    async with target(answer=b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (length, body)) as up:
        sent = await sender.send(webhook(url=up.url), EVENT, NOON)
    assert (sent.status, sent.error) == (200, None)


async def test_a_silent_target_is_given_up(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "ATTEMPT_SECONDS", 0.1)
    async with target(answer=None) as up:
        sent = await sender.send(webhook(url=up.url), EVENT, NOON)
    assert sent.status is None and sent.error is not None and sent.error.startswith("it did not answer within")


@pytest.mark.parametrize("answer", [b"", b"no http\r\n\r\n"])
async def test_what_is_no_answer_is_told_without_the_address(sender: Sender, answer: bytes) -> None:
    async with target(answer=answer) as up:
        sent = await sender.send(webhook(url=up.url), EVENT, NOON)
    assert sent.status is None and sent.error is not None
    assert sent.error.startswith("connection failed") and "t0ken" not in sent.error


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"])
async def test_a_private_target_is_refused_when_it_is_connected_to(strict: Sender, host: str) -> None:
    async with target() as up:
        sent = await strict.send(webhook(url=f"http://{host}:{up.port}/"), EVENT, NOON)
        assert sent.error == "its address is not public, and GATEWAY_WEBHOOK_PRIVATE_TARGETS does not allow another"
        assert not up.requests


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "017700000001"])
async def test_another_spelling_of_a_private_address_is_refused_too(strict: Sender, host: str) -> None:
    async with target() as up:
        assert (await strict.send(webhook(url=f"http://{host}:{up.port}/"), EVENT, NOON)).error
        assert not up.requests


async def test_a_name_that_is_rebound_to_a_private_address_does_not_pass(
    strict: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is checked is the address of the very socket that connects, whatever the name led to at another look."""
    checked: list[str] = []

    def watched(address: tuple[Any, ...]) -> socket.socket:
        checked.append(address[4][0])
        return public_socket(address)

    monkeypatch.setattr(sender_module, "public_socket", watched)

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("10.0.0.1", "127.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    async with target() as up:
        rebound = webhook(url=f"http://rebound.example:{up.port}/")
        for _ in range(2):
            sent = await strict.send(rebound, EVENT, NOON)
            assert sent.error is not None and sent.error.startswith("its address is not public")
        assert not up.requests
    assert set(checked) == {"10.0.0.1", "127.0.0.1"}


async def test_a_name_that_does_not_resolve_is_told(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    sent = await sender.send(webhook(url="http://nowhere.invalid/"), EVENT, NOON)
    assert sent.error == "its name can't be resolved"


async def test_a_target_without_tls_or_with_a_certificate_of_its_own_is_refused(sender: Sender, tmp_path: Path) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        sent = await sender.send(webhook(url=f"https://127.0.0.1:{port}/"), EVENT, NOON)
        assert sent.error == "no TLS connection could be agreed on"
    async with target(certificate=self_signed(tmp_path)) as up:
        sent = await sender.send(webhook(url=up.url.replace("http:", "https:")), EVENT, NOON)
        assert sent.error == "its certificate can't be verified"
        assert not up.requests


def self_signed(directory: Path) -> Path:
    """A file with a certificate for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = directory / "certificate.pem"
    file.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return file


async def test_a_slow_target_does_not_hold_up_another(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "ATTEMPT_SECONDS", 0.3)
    dispatch = Dispatch(MemoryTables(), sender)
    async with target(answer=None) as slow, target() as quick:
        await dispatch.webhooks.create(webhook("a", url=slow.url))
        await dispatch.webhooks.create(webhook("b", url=quick.url))
        await dispatch.happen(*(f"msg_{number:02}" for number in range(40)))
        began = asyncio.get_running_loop().time()
        await dispatch.round()
        assert asyncio.get_running_loop().time() - began < 2
        assert len(quick.requests) == 40
        assert 1 <= len(slow.requests) <= 4


async def test_the_day_of_the_real_clock_is_signed_too(sender: Sender) -> None:
    now = datetime.now(UTC)
    async with target(answer=OK) as up:
        assert (await sender.send(webhook(url=up.url), EVENT, now)).error is None
    headers, body = up.requests[0]
    assert Verifier(SECRET).verify(body, headers)["data"] == EVENT.data
    assert headers["content-type"] == "application/json" and headers["webhook-id"] == EVENT.id
