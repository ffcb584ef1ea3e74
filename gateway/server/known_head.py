"""A request's head that was read before: the next request of the connection often begins alike, and is recognized."""

from __future__ import annotations

from typing import Any

from gateway.asgi import SAME_HEAD

_LENGTH = b"\r\ncontent-length:"
# A length of so many digits is that of a body which does not come in one piece.
_MOST_DIGITS = 8


class KnownHead:
    """The head of a request with a body. Another one is alike if it is the same, byte by byte, but for its length.

    A parser reads the same of the same bytes; so what it read of the first is true of the second, and the length is
    the one thing that is left to read. scope: the first one's, as ASGI has it.
    """

    __slots__ = ("_after", "_before", "_headers", "_length_at", "_scope")

    def __init__(self, before: bytes, after: bytes, scope: dict[str, Any]) -> None:
        self._before = before
        self._after = after
        self._headers = scope["headers"].copy()
        self._length_at = [name for name, _ in self._headers].index(b"content-length")
        self._scope = {**scope, "extensions": {**scope.get("extensions", {}), SAME_HEAD: {}}}

    @classmethod
    def of(cls, data: bytes, scope: dict[str, Any]) -> KnownHead | None:
        """The head of `data`, of which a parser read one whole request, no more and no less, and made `scope` of it.

        None where there is any doubt of how long its body is, and for one without a body.
        """
        end = data.find(b"\r\n\r\n") + 4
        head = data[:end]
        start = head.lower().find(_LENGTH)
        if start < 0 or head.count(b"\n") != head.count(b"\r\n"):
            return None
        framing = [name for name, _ in scope["headers"] if name in (b"content-length", b"transfer-encoding", b"expect")]
        line = head[start + len(_LENGTH) : head.index(b"\r", start + 2)]
        digits = line.lstrip(b" ")
        if framing != [b"content-length"] or not _is_length(digits, len(data) - end):
            return None
        ends = start + len(_LENGTH) + len(line)
        return cls(head[: ends - len(digits)], head[ends:], scope)

    def read(self, data: bytes, state: dict[str, Any]) -> tuple[dict[str, Any], bytes] | None:
        """Scope and body of `data`, if that is one whole request with a head like this one; else None.

        state: the scope's.
        """
        before, after = self._before, self._after
        if not data.startswith(before):
            return None
        start = len(before)
        end = data.find(b"\r", start, start + _MOST_DIGITS + 1)
        if end < 0 or not data.startswith(after, end):
            return None
        length, body = data[start:end], data[end + len(after) :]
        if not _is_length(length, len(body)):
            return None
        headers = self._headers.copy()
        headers[self._length_at] = (b"content-length", length)
        return {**self._scope, "headers": headers, "state": state}, body


def _is_length(digits: bytes, length: int) -> bool:
    return digits.isdigit() and len(digits) <= _MOST_DIGITS and int(digits) == length
