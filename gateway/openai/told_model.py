"""Which model answered, as the answer itself says."""

from __future__ import annotations

import re

# Inside a string the quotes are escaped, so that what a model writes is not taken for what the upstream says.
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,128})"')
# It stands beside the choices; behind a long answer it is not looked for.
LOOKED_AT = 8192


def told_model(beginning: bytes) -> str | None:
    """The model that an answer (or a stream's first events) names; None when its beginning names none."""
    at = beginning.find(b'"model"', 0, LOOKED_AT)
    found = _MODEL.match(beginning, at) if at >= 0 else None
    return found[1].decode("utf-8", "replace") if found is not None else None
