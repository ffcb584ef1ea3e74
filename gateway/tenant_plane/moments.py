"""Moments and UUIDs as the tenant plane writes and takes them."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, WithJsonSchema

from gateway.management import rules

UUID_RULE = "a UUID, as the list of models shows it"
# As the document that this API follows writes it: 2024-01-15T10:00:00Z.
Moment = Annotated[
    datetime,
    PlainSerializer(lambda at: at.isoformat(timespec="seconds").replace("+00:00", "Z")),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def _uuid(text: str) -> str:
    """The one spelling of a UUID: lower case, with hyphens."""
    return str(uuid.UUID(text))


_SPELLING = re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")
Uuid = Annotated[str, rules.Shape(_SPELLING, UUID_RULE, 36), AfterValidator(_uuid)]
