"""What a call's query string may say."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from gateway.errors import InvalidRequest

API_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-preview)?|v1|preview")
API_VERSION_RULE = "a date such as 2024-10-21, with or without -preview, or v1, or preview"


# The gateway's own credential, as Google's SDKs may send it.
_OURS = ("api-version", "key")


def read_query(query: bytes) -> tuple[str | None, list[tuple[str, str]]]:
    """The `api-version` that Azure's SDK sends, None when there is none, and what else the query says.

    Raises InvalidRequest for an api-version of another form.
    """
    if not query:
        return None, []
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    version = next((value for name, value in pairs if name == "api-version"), None)
    if version is not None and not API_VERSION.fullmatch(version):
        raise InvalidRequest(f"'api-version' must be {API_VERSION_RULE}.", param="api-version")
    return version, [pair for pair in pairs if pair[0] not in _OURS]
