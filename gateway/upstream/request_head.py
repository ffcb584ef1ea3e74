"""What a request begins with: its address, taken apart once for all requests that go there, and its header lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

# All that may stand in a request line (RFC 9112 section 3); anything else is sent percent-encoded.
_SENDABLE = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go.

    origin: scheme, host and port, which is what a connection belongs to. host: a name or an IP address, without
    brackets. target: path and query as they are sent. start: the request's bytes from behind the method to the end of
    the host header.
    """

    origin: str
    host: str
    port: int
    tls: bool
    target: str
    start: bytes

    @classmethod
    def parse(cls, url: str) -> Address:
        """Of an http or https URL whose path and query are encoded already. Raises ValueError when it has no host."""
        parts = urlsplit(quote(url, safe=_SENDABLE))
        tls = parts.scheme == "https"
        host = parts.hostname
        if not host:
            raise ValueError("an address without a host")
        usual = 443 if tls else 80
        port = parts.port or usual
        named = f"[{host}]" if ":" in host else host
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        authority = named if port == usual else f"{named}:{port}"
        start = f" {target} HTTP/1.1\r\nhost: {authority}\r\n".encode("ascii")
        return cls(f"{parts.scheme}://{named}:{port}", host, port, tls, target, start)

    def __str__(self) -> str:
        return self.origin + self.target


def header_lines(headers: Sequence[tuple[str, str]]) -> bytes:
    """Headers as they are sent. Raises ValueError for what would end a line early, or is no Latin-1."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if not lines.count("\r") == lines.count("\n") == len(headers) or "\0" in lines:
        raise ValueError("a header with a line break or a NUL in it")
    return lines.encode("latin-1")
