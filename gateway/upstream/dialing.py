"""Open a connection: name, addresses, TCP, TLS."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable

import aiohappyeyeballs

from gateway.upstream.answer import ConnectionFailed
from gateway.upstream.connection import Connection
from gateway.upstream.names import Names
from gateway.upstream.request_head import Address

# A host's next address is tried when the one before has not answered in this time (RFC 8305).
NEXT_ADDRESS_SECONDS = 0.25


class Dialer:
    """Opens connections, each in `seconds` at most, from the look-up of the name to the end of the TLS handshake."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._names = Names()
        self._tls: ssl.SSLContext | None = None

    async def dial(self, address: Address, protocol: Callable[[], Connection]) -> Connection:
        """A new connection. Raises ConnectionFailed."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._dial(address, protocol)
        except TimeoutError:
            reason = f"no connection in {self._seconds:g} s"
        except (OSError, UnicodeError) as error:
            reason = _reason(error)
        self._names.forget(address.host, address.port)
        raise ConnectionFailed(f"can't connect to {address.host}:{address.port}: {reason}")

    async def _dial(self, address: Address, protocol: Callable[[], Connection]) -> Connection:
        loop = asyncio.get_running_loop()
        infos = await self._names.look_up(address.host, address.port)
        # Not left to `create_connection`, for uvloop's tries one address after the other.
        found = await aiohappyeyeballs.start_connection(infos, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, interleave=1)
        host = address.host.rstrip(".") if address.tls else None
        context = self._context() if address.tls else None
        made = protocol()
        try:
            await loop.create_connection(lambda: made, sock=found, ssl=context, server_hostname=host)
        except BaseException:
            # uvloop closes the transport of a dial that is cancelled at the last moment, and does not say so.
            made.never_was()
            raise
        made.reads_from(found)
        return made

    def _context(self) -> ssl.SSLContext:
        """Made when it is first needed, and once: it reads every root certificate there is."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _reason(error: OSError | UnicodeError) -> str:
    """What happened, without anything that may hold a credential."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or type(error).__name__}"
    if isinstance(error, socket.gaierror):
        return error.strerror or "unknown host"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__
