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

# Where an API key may stand.
KEY_HEADERS = frozenset({b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key"})

# Header names come in few forms, and those of every call are looked up here; what is made up has an end.
KEPT_NAMES = 1024
_seen_to_upstream: dict[bytes, bytes | None] = {}
_seen_to_caller: dict[bytes, bytes | None] = {}


def to_upstream(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The lines of the caller's headers that an upstream may see. Names arrive in lower case (ASGI).

    Raises ValueError for a value that would end its line early; no server passes one.
    """
    lines = []
    for name, value in headers:
        try:
            start = _seen_to_upstream[name]
        except KeyError:
            start = name + b": " if name in TO_UPSTREAM or name.startswith(TO_UPSTREAM_PREFIXES) else None
            if len(_seen_to_upstream) < KEPT_NAMES:
                _seen_to_upstream[name] = start
        if start is not None:
            lines.append(start + value)
    return _joined(lines)


def to_caller(headers: Iterable[tuple[bytes, bytes]], without: tuple[bytes, ...] = ()) -> bytes:
    """The lines of the upstream's headers that the caller may see, names in lower case, but for those that begin so.

    Raises ValueError for a value that would end its line early; no parser passes one.
    """
    lines = []
    for name, value in headers:
        try:
            start = _seen_to_caller[name]
        except KeyError:
            lower = name.lower()
            start = lower + b": " if lower in TO_CALLER or lower.startswith(TO_CALLER_PREFIXES) else None
            if len(_seen_to_caller) < KEPT_NAMES:
                _seen_to_caller[name] = start
        if start is not None and not start.startswith(without):
            lines.append(start + value)
    return _joined(lines)


def _joined(lines: list[bytes]) -> bytes:
    """All lines, each with its end."""
    lines.append(b"")
    joined = b"\r\n".join(lines)
    if len(joined) - len(joined.translate(None, b"\r\n\0")) != 2 * len(lines) - 2:
        raise ValueError("a header with a line break or a NUL in it")
    return joined


def key_header(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes] | None:
    """The header with the API key that a caller sent: `Authorization: Bearer`, `api-key`, `X-API-Key`, or as Google's
    SDKs send theirs. None when there is none."""
    for header in headers:
        name, value = header
        if name in KEY_HEADERS and (name != b"authorization" or value[:7].lower() == b"bearer "):
            return header
    return None


def key_in(header: tuple[bytes, bytes]) -> str:
    """The key that such a header holds."""
    name, value = header
    return (value[7:] if name == b"authorization" else value).decode("latin-1").strip()
