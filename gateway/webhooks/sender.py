"""The sender: one signed attempt to bring an event to its target."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from yarl import URL

from gateway.routing.cooldown import told_wait
from gateway.storage.outbox import Event, payload
from gateway.storage.webhooks import Webhook
from gateway.webhooks import signing
from gateway.webhooks.addresses import AddressRefused, public_socket

ATTEMPT_SECONDS = 15.0
ANSWER_SECONDS = 5.0
MOST_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What one attempt came to.

    status: the target's, None when it did not answer. error: why it counts as failed, None when it does not; safe to
    show. retry_after: the seconds that the target asked for. latency_ms: milliseconds until the answer's status.
    """

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    latency_ms: float | None = None


class Sender:
    """One aiohttp session, made in the running loop at the first attempt; it connects to public addresses alone.

    private_targets: whether private, loopback and link-local addresses may be connected to as well. Every attempt has
    a connection of its own, so none is used after its target let go of it.
    """

    def __init__(self, *, private_targets: bool) -> None:
        self.private_targets = private_targets
        self._session: aiohttp.ClientSession | None = None

    async def send(self, webhook: Webhook, event: Event, now: datetime) -> Sent:
        """Send an event, signed as of `now`. A 2xx is a success; no redirect is followed. Never raises."""
        secrets = webhook.secrets(now)
        if not secrets:
            return Sent(error="its secret can't be opened with the gateway's encryption key")
        body = payload(event)
        signed = signing.headers(event.id, int(now.timestamp()), body, secrets)
        began = time.monotonic()
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                response = await self._post(webhook.url, body, signed)
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            return Sent(error=_reason(failure))
        latency_ms = (time.monotonic() - began) * 1000
        async with response:
            await _read(response)
        told = told_wait({name.lower(): value for name, value in response.headers.items()}, 503, now.timestamp())
        error = None if 200 <= response.status < 300 else _meaning(response.status)
        return Sent(status=response.status, error=error, retry_after=told, latency_ms=latency_ms)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            # Transports report their end in the next turns of the loop.
            await asyncio.sleep(0)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = self._open()
        headers = {"content-type": "application/json", "user-agent": "Roundhouse", **headers}
        return await self._session.post(URL(url, encoded=True), data=body, headers=headers, allow_redirects=False)

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                force_close=True,
                happy_eyeballs_delay=None,
                socket_factory=None if self.private_targets else public_socket,
            ),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


async def _read(response: aiohttp.ClientResponse) -> None:
    """Let the target finish its answer, which nobody keeps; a long or broken one changes nothing of its status."""
    left = MOST_ANSWER_BYTES
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while left > 0 and (piece := await response.content.read(left)):
                left -= len(piece)
    except (aiohttp.ClientError, OSError):
        return


def _meaning(status: int) -> str:
    return f"it answered {status}" + ("; redirects are not followed" if 300 <= status < 400 else "")


def _reason(failure: Exception) -> str:
    """What happened, without anything of the address, which may hold a credential."""
    if isinstance(failure, TimeoutError):
        return f"it did not answer within {ATTEMPT_SECONDS:.0f} seconds"
    if isinstance(failure, aiohttp.ClientConnectorCertificateError):
        return "its certificate can't be verified"
    if isinstance(failure, aiohttp.ClientSSLError):
        return "no TLS connection could be agreed on"
    if isinstance(failure, aiohttp.ClientConnectorDNSError):
        return "its name can't be resolved"
    if isinstance(getattr(failure, "os_error", None), AddressRefused):
        return "its address is not public, and GATEWAY_WEBHOOK_PRIVATE_TARGETS does not allow another"
    if isinstance(failure, aiohttp.ClientConnectorError):
        return f"can't connect: {os.strerror(failure.os_error.errno or errno.EIO)}"
    return f"connection failed: {type(failure).__name__}"
