"""The key: a provider's credential, stored once and used by every deployment that names it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A stored credential. `value` is plain text in memory only and never printed; None when it can't be opened.

    rotated_at: when it last got another value; None if it never did.
    """

    id: str
    name: str
    provider: str
    value: str | None = field(repr=False)
    created_at: datetime
    updated_at: datetime
    rotated_at: datetime | None = None
