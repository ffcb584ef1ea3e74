"""What a request begins with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.request_head import Address, header_lines


@pytest.mark.parametrize(
    ("url", "origin", "start"),
    [
        ("https://h.example/a/b?c=d", "https://h.example:443", " /a/b?c=d HTTP/1.1\r\nhost: h.example\r\n"),
        ("http://H.example:80", "http://h.example:80", " / HTTP/1.1\r\nhost: h.example\r\n"),
        ("http://h:8000/?x", "http://h:8000", " /?x HTTP/1.1\r\nhost: h:8000\r\n"),
        ("https://[::1]:8443/x", "https://[::1]:8443", " /x HTTP/1.1\r\nhost: [::1]:8443\r\n"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]:443", " /x HTTP/1.1\r\nhost: [2001:db8::1]\r\n"),
        ("http://user:secret@h/x", "http://h:80", " /x HTTP/1.1\r\nhost: h\r\n"),
        ("http://h/a%2Fb%20c?d=%0A", "http://h:80", " /a%2Fb%20c?d=%0A HTTP/1.1\r\nhost: h\r\n"),
        ("http://h/a b\r\nx: y?é", "http://h:80", " /a%20b%0D%0Ax:%20y?%C3%A9 HTTP/1.1\r\nhost: h\r\n"),
    ],
)
def test_an_address_is_taken_apart_once(url, origin, start):
    address = Address.parse(url)
    assert (address.origin, address.start.decode()) == (origin, start)
    assert str(address) == origin + start.split(" ")[1]
    assert address.tls is origin.startswith("https")
    assert origin.endswith(f"{address.host}:{address.port}") or origin.endswith(f"[{address.host}]:{address.port}")


@pytest.mark.parametrize("url", ["http:///x", "", "https://"])
def test_an_address_needs_a_host(url):
    with pytest.raises(ValueError, match="host"):
        Address.parse(url)


@given(st.text())
def test_nothing_in_an_address_ends_its_line_early(text):
    start = Address.parse("http://h/" + text).start
    assert start.count(b"\r\n") == 2
    assert start.count(b" ") == 3
    assert start.isascii()


def test_headers_are_sent_as_they_were_given():
    assert header_lines([("Api-Key", "a b"), ("x", "\xe9")]) == b"Api-Key: a b\r\nx: \xe9\r\n"
    assert header_lines([]) == b""


@pytest.mark.parametrize("bad", ["a\r\nx: y", "a\r", "a\n", "a\0", "→"])
def test_a_header_that_would_be_two_is_refused(bad):
    for pair in ((bad, "v"), ("n", bad)):
        with pytest.raises(ValueError, match=r"line break|latin-1"):
            header_lines([("ok", "ok"), pair])
