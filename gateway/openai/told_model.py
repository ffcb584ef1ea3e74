"""Which model answered, as the answer itself says."""

from __future__ import annotations

import re

# Inside a string the quotes are escaped, so that what a model writes is not taken for what the upstream says.
_LONGEST = 128
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,%d})"' % _LONGEST)
# It stands beside the choices; behind a long answer it is not looked for.
LOOKED_AT = 8192


def told_model(beginning: bytes) -> str | None:
    """The model that an answer (or a stream's first events) names; None when its beginning names none."""
    at = beginning.find(b'"model"', 0, LOOKED_AT)
    if beginning.startswith(b':"', at + 7):
        # As nearly every upstream writes it; the expression finds the same.
        end = beginning.find(b'"', at + 9, at + 9 + _LONGEST + 1)
        if end > at + 9 and beginning.find(b"\\", at + 9, end) < 0:
            return beginning[at + 9 : end].decode("utf-8", "replace")
    found = _MODEL.match(beginning, at) if at >= 0 else None
    return found[1].decode("utf-8", "replace") if found is not None else None
