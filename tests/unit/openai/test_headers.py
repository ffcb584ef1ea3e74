"""Which headers pass, and which stay."""

from __future__ import annotations

import pytest

from gateway.openai.headers import KEPT_NAMES, key_header, key_in, to_caller, to_upstream

HOP_BY_HOP = [b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-authorization"]
PLATFORM = [
    b"x-forwarded-for",
    b"x-ms-invocation-id",
    b"x-arr-log-id",
    b"x-original-url",
    b"x-appservice-proto",
    b"host",
]


@pytest.mark.parametrize(
    "name", [b"authorization", b"api-key", b"x-api-key", b"cookie", b"content-length", *HOP_BY_HOP, *PLATFORM]
)
def test_an_upstream_never_sees_what_is_the_callers_or_the_platforms(name):
    assert to_upstream([(name, b"x")]) == b""


def test_what_describes_the_body_passes_to_the_upstream():
    assert to_upstream([(b"content-type", b"application/json"), (b"accept", b"*/*")]) == (
        b"content-type: application/json\r\naccept: */*\r\n"
    )


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\n", b"\r", b"\0"])
def test_a_header_never_becomes_two(value):
    with pytest.raises(ValueError, match="line break"):
        to_upstream([(b"accept", value)])
    with pytest.raises(ValueError, match="line break"):
        to_caller([(b"content-type", value)])


def test_what_the_gateway_says_itself_is_left_out():
    told = [(b"Content-Length", b"1"), (b"x-ratelimit-reset-tokens", b"1s"), (b"content-type", b"a/b")]
    assert to_caller(told, (b"content-length", b"x-ratelimit-")) == b"content-type: a/b\r\n"


@pytest.mark.parametrize("name", [b"Set-Cookie", b"X-MS-Region", b"X-Request-Id", b"Server", b"api-key", *HOP_BY_HOP])
def test_a_caller_never_sees_what_is_between_gateway_and_upstream(name):
    assert to_caller([(name, b"x")]) == b""


@pytest.mark.parametrize(
    "name",
    [
        b"Content-Type",
        b"X-RateLimit-Remaining-Tokens",
        b"Retry-After",
        b"retry-after-ms",
        b"openai-processing-ms",
        b"apim-request-id",
    ],
)
def test_what_a_caller_can_use_passes_in_lower_case(name):
    assert to_caller([(name, b"x")]) == name.lower() + b": x\r\n"


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([(b"authorization", b"Bearer abc")], "abc"),
        ([(b"authorization", b"bearer  abc ")], "abc"),
        ([(b"api-key", b"abc")], "abc"),
        ([(b"x-api-key", b"abc")], "abc"),
        ([(b"authorization", b"Basic abc")], None),
        ([(b"accept", b"*/*")], None),
        ([], None),
    ],
)
def test_the_api_key_is_taken_from_any_of_three_headers(headers, key):
    found = key_header(headers)
    assert (key_in(found) if found else None) == key


def test_names_that_callers_and_upstreams_make_up_do_not_fill_the_memory():
    made_up = [(b"x-made-up-%d" % number, b"1") for number in range(2 * KEPT_NAMES)]
    assert to_upstream([*made_up, (b"accept", b"*/*"), (b"anthropic-beta", b"b")]) == (
        b"accept: */*\r\nanthropic-beta: b\r\n"
    )
    assert to_caller([*made_up, (b"Retry-After", b"1"), (b"x-ratelimit-made-up", b"2")]) == (
        b"retry-after: 1\r\nx-ratelimit-made-up: 2\r\n"
    )
    assert to_upstream([(b"anthropic-made-up-later", b"1")]) == b"anthropic-made-up-later: 1\r\n"
    assert to_caller([(b"openai-made-up-later", b"1")]) == b"openai-made-up-later: 1\r\n"
