"""TCP ports of this machine: whether one is free, one that is, and the socket that the gateway serves on."""

from __future__ import annotations

import ipaddress
import socket

from gateway.local.errors import CannotStart

BACKLOG = 2048


def is_free(port: int) -> bool:
    """Whether nothing listens on `port` of 127.0.0.1."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def listen(host: str, port: int) -> socket.socket:
    """The socket that all workers accept from; CannotStart if it can't be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotStart(
            f"can't serve on {host}:{port} ({error.strerror}): choose another with PORT= or --port"
        ) from error


def url_of(listener: socket.socket) -> str:
    """Where a client on this machine finds what serves on `listener`."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"
