"""What a call's query string may say."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from gateway.errors import InvalidRequest

API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(?:-preview)?|v1|preview")
API_VERSION_RULE = "a date such as 2024-10-21, with or without -preview"


def api_version(query: bytes) -> str | None:
    """The `api-version` that Azure's SDK sends; None when there is none. Raises InvalidRequest for another form."""
    if not query:
        return None
    values = parse_qs(query.decode("latin-1")).get("api-version")
    if not values:
        return None
    if not API_VERSION.fullmatch(values[0]):
        raise InvalidRequest(f"'api-version' must be {API_VERSION_RULE}.", param="api-version")
    return values[0]
