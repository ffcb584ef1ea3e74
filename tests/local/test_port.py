"""The gateway's own address, as a client on this machine writes it."""

from __future__ import annotations

import socket
from unittest.mock import create_autospec

import pytest

from gateway.local.port import url_of


@pytest.mark.parametrize(
    ("bound", "url"),
    [
        (("127.0.0.1", 7071), "http://127.0.0.1:7071"),
        (("0.0.0.0", 7071), "http://127.0.0.1:7071"),
        (("10.1.2.3", 7071), "http://10.1.2.3:7071"),
        (("::1", 7071, 0, 0), "http://[::1]:7071"),
        (("::", 7071, 0, 0), "http://[::1]:7071"),
    ],
)
def test_an_address_that_stands_for_all_becomes_one_that_can_be_called(bound: tuple[object, ...], url: str) -> None:
    listener = create_autospec(socket.socket, instance=True)
    listener.getsockname.return_value = bound
    assert url_of(listener) == url
