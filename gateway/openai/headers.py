"""Which headers pass. Both ways an allow-list: what is not named here stays where it came from."""

from __future__ import annotations

from collections.abc import Iterable

# The caller's key, cookies, hop-by-hop headers (RFC 9110 section 7.6.1) and what the platform adds are not among them.
TO_UPSTREAM = frozenset({b"content-type", b"accept", b"openai-beta", b"idempotency-key", b"traceparent", b"tracestate"})
TO_UPSTREAM_PREFIXES = (b"anthropic-", b"x-amzn-bedrock-", b"x-goog-api-client", b"x-goog-request-params")

TO_CALLER = frozenset(
    {
        b"content-type",
        b"content-encoding",
        b"content-length",
        b"content-disposition",
        b"apim-request-id",
        b"x-ms-retry-after-ms",
    }
)
TO_CALLER_PREFIXES = (
    b"x-ratelimit-",
    b"retry-after",
    b"openai-",
    b"anthropic-",
    b"x-amzn-bedrock-",
    b"x-amzn-errortype",
)


def to_upstream(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The caller's headers that an upstream may see. Names arrive in lower case (ASGI)."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name in TO_UPSTREAM or name.startswith(TO_UPSTREAM_PREFIXES)
    ]


def to_caller(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The upstream's headers that the caller may see, names in lower case."""
    passed = []
    for name, value in headers:
        lower = name.lower()
        if lower in TO_CALLER or lower.startswith(TO_CALLER_PREFIXES):
            passed.append((lower, value))
    return passed


def presented_key(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The API key a caller sent: `Authorization: Bearer`, `api-key`, `X-API-Key`, or as Google's SDKs send theirs."""
    for name, value in headers:
        if name in (b"api-key", b"x-api-key", b"x-goog-api-key"):
            return value.decode("latin-1").strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].decode("latin-1").strip()
    return None
