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


# Header names come in few forms, and those of every call are looked up here; what is made up has an end.
KEPT_NAMES = 1024
_seen_to_upstream: dict[bytes, str | None] = {}
_seen_to_caller: dict[bytes, bytes | None] = {}


def to_upstream(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The caller's headers that an upstream may see. Names arrive in lower case (ASGI)."""
    passed = []
    for name, value in headers:
        try:
            passes = _seen_to_upstream[name]
        except KeyError:
            passes = name.decode("latin-1") if name in TO_UPSTREAM or name.startswith(TO_UPSTREAM_PREFIXES) else None
            if len(_seen_to_upstream) < KEPT_NAMES:
                _seen_to_upstream[name] = passes
        if passes is not None:
            passed.append((passes, value.decode("latin-1")))
    return passed


def to_caller(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The upstream's headers that the caller may see, names in lower case."""
    passed = []
    for name, value in headers:
        try:
            passes = _seen_to_caller[name]
        except KeyError:
            lower = name.lower()
            passes = lower if lower in TO_CALLER or lower.startswith(TO_CALLER_PREFIXES) else None
            if len(_seen_to_caller) < KEPT_NAMES:
                _seen_to_caller[name] = passes
        if passes is not None:
            passed.append((passes, value))
    return passed


def presented_key(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The API key a caller sent: `Authorization: Bearer`, `api-key`, `X-API-Key`, or as Google's SDKs send theirs."""
    for name, value in headers:
        if name in (b"api-key", b"x-api-key", b"x-goog-api-key"):
            return value.decode("latin-1").strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].decode("latin-1").strip()
    return None
