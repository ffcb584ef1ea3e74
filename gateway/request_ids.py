"""Request ids: 32 hexadecimal digits each, by chance no two alike, and made many at a time."""

from __future__ import annotations

import os

_DIGITS = 32
_AT_ONCE = 256
_made: list[bytes] = []


def request_id() -> bytes:
    """The id of a request."""
    if not _made:
        digits = os.urandom(_AT_ONCE * _DIGITS // 2).hex().encode()
        _made.extend(digits[start : start + _DIGITS] for start in range(0, len(digits), _DIGITS))
    return _made.pop()
