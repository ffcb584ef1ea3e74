"""The record of one call: who, what, where, how long, how much; and how it stands in storage."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec.structs import asdict

from gateway.openai.tokens import Tokens

Provenance = Literal["measured", "estimated", "unpriced"]

# Nothing but the model's name, as the caller typed it, can be longer; nor can the line of a call in ASCII alone.
LONGEST_TEXT = 128
LONGEST_PLAIN_LINE = 2048


class CallRecord(msgspec.Struct, frozen=True, gc=False):
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
    tokens: Tokens = Tokens()
    measured: bool = True
    known_as: tuple[str, ...] = ()


class Charged(msgspec.Struct, frozen=True, gc=False):
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


class _Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A call as it is stored. New fields are added at the end: a line says what a value is by its place."""

    at: datetime
    request_id: str
    tenant: str
    tenant_id: str
    key_id: str
    operation: str
    model: str | None
    deployment: str | None
    provider: str | None
    upstream_model: str | None
    endpoint: str | None
    status: int
    attempts: int
    streamed: bool
    latency_ms: float
    first_byte_ms: float | None
    measured: bool
    model_id: str
    cost: int | None
    tokens: Tokens


FIELDS = _Line.__struct_fields__
_encode = msgspec.json.Encoder().encode


def to_line(charged: Charged) -> str:
    """A call as one line of JSON: a list of FIELDS, ASCII alone.

    The model's name is cut at LONGEST_TEXT characters, and so is any other text, should the line be too long. Raises
    TypeError or AttributeError for what is no call.
    """
    call, first_byte = charged.call, charged.call.first_byte_ms
    line = _Line(
        call.at,
        call.request_id,
        call.tenant,
        call.tenant_id,
        call.key_id,
        call.operation,
        call.model and call.model[:LONGEST_TEXT],
        call.deployment,
        call.provider,
        call.upstream_model,
        call.endpoint,
        call.status,
        call.attempts,
        call.streamed,
        round(call.latency_ms, 3),
        first_byte and round(first_byte, 3),
        call.measured,
        charged.model_id,
        charged.cost,
        call.tokens,
    )
    try:
        plain = _encode(line)
        if plain.isascii() and len(plain) <= LONGEST_PLAIN_LINE:
            return plain.decode()
    except UnicodeEncodeError:
        # Half of a character, which JSON can escape and UTF-8 has no bytes for.
        pass
    return json.dumps([_cut(value) for value in msgspec.to_builtins(line)], separators=(",", ":"))


def from_line(line: str) -> Charged:
    """The call that to_line wrote; ValueError for what it never writes. What a newer version added is left out."""
    try:
        # No other parser takes half of a character.
        told = asdict(msgspec.convert(json.loads(line), _Line))
    except RecursionError as fault:
        raise ValueError("not the line of a call") from fault
    model_id, price = told["model_id"], told.pop("cost")
    told |= {"at": told["at"].astimezone(UTC), "model_id": model_id or None}
    return Charged(CallRecord(**told), model_id, price)


def _cut(value: Any) -> Any:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value
