"""Host names and their addresses, remembered for some seconds."""

from __future__ import annotations

import asyncio
import socket

from aiohappyeyeballs import AddrInfoType

# Long enough for a burst of new connections, short enough for a name that moves.
KEPT_SECONDS = 10.0


class Names:
    """Looks names up, each once at a time."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, list[AddrInfoType]]] = {}
        self._looking: dict[tuple[str, int], asyncio.Lock] = {}

    async def look_up(self, host: str, port: int) -> list[AddrInfoType]:
        """The addresses of a host, in the system's order. Raises OSError, or UnicodeError for what is no name."""
        try:
            # An IP address is its own answer.
            return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
        except socket.gaierror:
            pass
        loop = asyncio.get_running_loop()
        key = (host, port)
        async with self._looking.setdefault(key, asyncio.Lock()):
            until, infos = self._known.get(key, (0.0, []))
            if loop.time() >= until:
                infos = list(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
                self._known[key] = (loop.time() + KEPT_SECONDS, infos)
            return infos

    def forget(self, host: str, port: int) -> None:
        """What was said of the host did not help."""
        self._known.pop((host, port), None)
