"""Which addresses a webhook may be sent to, and the socket that connects to no other."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Refused beside what `ipaddress` knows not to be global, which differs from one release of Python to the next.
_REFUSED = tuple(
    ipaddress.ip_network(each)
    for each in (
        "100.64.0.0/10",  # shared by carriers
        "168.63.129.16/32",  # Azure's own, seen from inside every virtual machine
        "192.0.0.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "::/96",  # IPv4 addresses in an old form
        "64:ff9b:1::/48",  # NAT64 of a private network
        "100::/64",
        "2001::/23",  # Teredo is in it
        "fec0::/10",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(OSError):
    """The target's address is none that the public internet reaches."""


def is_public(address: Address) -> bool:
    """Whether this is a host on the public internet; one that holds an IPv4 address is judged by that."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    special = address.is_private or address.is_multicast or address.is_reserved or address.is_unspecified
    local = address.is_loopback or address.is_link_local
    refused = any(address.version == each.version and address in each for each in _REFUSED)
    return address.is_global and not (special or local or refused)


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for one address as getaddrinfo tells it. Raises AddressRefused.

    The caller connects it to that very address, so no second look-up of the name can lead elsewhere.
    """
    family, kind, protocol, _, (host, *_) = address
    if not is_public(ipaddress.ip_address(host.partition("%")[0])):
        raise AddressRefused("the address is not public")
    return socket.socket(family=family, type=kind, proto=protocol)
