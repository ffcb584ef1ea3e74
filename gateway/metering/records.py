"""The record of one call: who, what, where, how long, how much; and how it stands in storage."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Literal

from gateway.openai.tokens import Tokens

Provenance = Literal["measured", "estimated", "unpriced"]

# Nothing but the model's name, as the caller typed it, can be longer.
LONGEST_TEXT = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call, as it ended.

    at: when it came (UTC). tenant: its identity (Tenant.identity); tenant_id: its id; key_id: the API key's public id.
    model: what the caller asked for; deployment: the id of the one that answered, None when none did; provider and
    upstream_model: that deployment's; model_id: the catalog's UUID of it. endpoint: the name of the named endpoint.
    status: HTTP; 499 when the caller left, 0 when the stream broke off. Times are milliseconds. measured: whether the
    upstream told the tokens; False: they are estimated. known_as: the names by which the catalog may know the model
    that answered, the surest first; for pricing alone, and not stored.
    """

    request_id: str
    at: datetime
    tenant: str
    tenant_id: str
    key_id: str
    operation: str
    model: str | None
    deployment: str | None
    provider: str | None
    upstream_model: str | None
    model_id: str | None
    endpoint: str | None
    status: int
    attempts: int
    streamed: bool
    latency_ms: float
    first_byte_ms: float | None
    tokens: Tokens = field(default_factory=Tokens)
    measured: bool = True
    known_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Charged:
    """A call with the model it counts for (the catalog's UUID; empty: none that is known) and what it cost.

    cost: nanodollars; None: nobody knows the price of what was used.
    """

    call: CallRecord
    model_id: str
    cost: int | None

    @property
    def provenance(self) -> Provenance:
        """How far its numbers can be trusted."""
        if self.cost is None:
            return "unpriced"
        return "measured" if self.call.measured else "estimated"


def to_line(charged: Charged) -> str:
    """A call as one line of JSON: a list of FIELDS, ASCII alone; texts are cut at LONGEST_TEXT characters."""
    call = charged.call
    values = [_cut(value) for value in _call_values(call)]
    used = {name: count for name, count in zip(_TOKEN_FIELDS, _token_values(call.tokens), strict=True) if count}
    moment = call.at.astimezone(UTC).isoformat()
    return _encode([moment, *values, charged.model_id, charged.cost, used])


def from_line(line: str) -> Charged:
    """The call that to_line wrote; ValueError for what it never writes. What a newer version added is left out."""
    try:
        moment, *rest = json.loads(line)
        values = dict(zip(FIELDS[1:], rest, strict=False))
        used = {name: values["tokens"][name] for name in _TOKEN_FIELDS if name in values["tokens"]}
        call = {name: values[name] for name in _CALL_FIELDS}
        at = datetime.fromisoformat(moment).astimezone(UTC)
        record = CallRecord(at=at, model_id=values["model_id"] or None, tokens=Tokens(**used), **call)
        return Charged(record, values["model_id"], values["cost"])
    except (KeyError, TypeError, RecursionError) as fault:
        raise ValueError("not the line of a call") from fault


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    return round(value, 3) if isinstance(value, float) else value


_TOKEN_FIELDS = tuple(field.name for field in fields(Tokens))
_CALL_FIELDS = tuple(
    each.name for each in fields(CallRecord) if each.name not in ("at", "model_id", "tokens", "known_as")
)
# New ones are added at the end: a line says what a value is by its place.
FIELDS = ("at", *_CALL_FIELDS, "model_id", "cost", "tokens")

_call_values = attrgetter(*_CALL_FIELDS)
_token_values = attrgetter(*_TOKEN_FIELDS)
_encode = json.JSONEncoder(separators=(",", ":")).encode
