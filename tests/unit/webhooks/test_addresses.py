"""Which addresses a webhook may be sent to."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.webhooks.addresses import AddressRefused, is_public, public_socket

PUBLIC = ("8.8.8.8", "20.42.0.1", "2606:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808")
PRIVATE = (
    *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
    *("168.63.129.16", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "100::1", "2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"),
    *("ff02::1", "64:ff9b:1::1"),
)
INNER = ("10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "168.63.129.16", "0.0.0.0")


def info(address: str) -> tuple[object, ...]:
    """An address as getaddrinfo tells it."""
    if ":" in address:
        return socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 443, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)


def test_hosts_of_the_public_internet_are_public_and_all_others_are_not() -> None:
    assert [each for each in PUBLIC if not is_public(ipaddress.ip_address(each))] == []
    assert [each for each in PRIVATE if is_public(ipaddress.ip_address(each))] == []


def test_an_ipv6_address_that_holds_an_ipv4_address_is_judged_by_that() -> None:
    for each in INNER:
        inner = int(ipaddress.IPv4Address(each))
        mapped, nat64, to4 = 0xFFFF << 32 | inner, int(ipaddress.IPv6Address("64:ff9b::")) | inner, 0x2002 << 112
        for outer in (mapped, nat64, to4 | inner << 80):
            assert not is_public(ipaddress.IPv6Address(outer)), ipaddress.IPv6Address(outer)
    assert is_public(ipaddress.ip_address("2002:808:808::1"))


@given(st.ip_addresses())
def test_no_address_is_public_that_python_knows_not_to_be_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert not is_public(address) or address.is_global or "::ffff:" in str(address)


def test_a_socket_is_made_for_a_public_address_alone() -> None:
    for each in PUBLIC[:1]:
        public_socket(info(each)).close()
    for each in (*PRIVATE, "fe80::1%eth0"):
        with pytest.raises(AddressRefused):
            public_socket(info(each))
