"""Roll-ups: what calls used, added up by what they have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from operator import add, attrgetter
from typing import Literal

import msgspec
from msgspec.structs import astuple

from gateway.metering.records import Charged

RollupPeriod = Literal["day", "month"]

_FAILED_FROM = 400


class Dimensions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What calls have in common. Empty: there was none, or none is known.

    All of it is the registry's or the catalog's, never what a caller typed: so there are only so many. model_id: the
    catalog's UUID. upstream_model: the deployment's own name of its model. endpoint: the name of the named endpoint.
    """

    model_id: str = ""
    provider: str = ""
    upstream_model: str = ""
    operation: str = ""
    deployment: str = ""
    key_id: str = ""
    endpoint: str = ""

    @property
    def hash(self) -> str:
        """Different for different dimensions, the same in every process: 32 hexadecimal digits."""
        return hashlib.sha256("\x00".join(astuple(self)).encode(errors="replace")).hexdigest()[:32]


class Totals(msgspec.Struct, frozen=True, gc=False):
    """What calls came to. failed: those of status 400 and over, and those that broke off (0).

    Tokens are parts of input and output as in gateway.openai.tokens, audio and image of both sides together.
    milliseconds: of sound, whole ones, so that sums are exact. cost: nanodollars, of the calls whose price is known;
    `unpriced` counts the others. measured, estimated, unpriced: each call is one of them. latency_ms: the sum over the
    calls.
    """

    requests: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0
    images: int = 0
    characters: int = 0
    milliseconds: int = 0
    cost: int = 0
    measured: int = 0
    estimated: int = 0
    unpriced: int = 0
    latency_ms: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Totals) -> Totals:
        return Totals(*map(add, _values(self), _values(other)))


TOTALS = Totals.__struct_fields__
_values = attrgetter(*TOTALS)


class Total(msgspec.Struct, frozen=True, gc=False):
    """What the calls of these dimensions came to."""

    dimensions: Dimensions
    totals: Totals


# What one call comes to, in the order of TOTALS.
Counts = tuple[int, ...]


def dimensions_of(charged: Charged) -> Dimensions:
    """What a call counts under."""
    call = charged.call
    return Dimensions(
        model_id=charged.model_id,
        provider=call.provider or "",
        upstream_model=call.upstream_model or "",
        operation=call.operation,
        deployment=call.deployment or "",
        key_id=call.key_id,
        endpoint=call.endpoint or "",
    )


def counts_of(charged: Charged) -> Counts:
    """What one call comes to. Raises TypeError or AttributeError for what is no call."""
    call, tokens, cost = charged.call, charged.call.tokens, charged.cost
    is_known = cost is not None
    return (
        1,
        call.status == 0 or call.status >= _FAILED_FROM,
        tokens.input,
        tokens.output,
        tokens.cached_input,
        tokens.reasoning,
        tokens.audio_input + tokens.audio_output,
        tokens.image_input + tokens.image_output,
        tokens.images,
        tokens.characters,
        round(tokens.seconds * 1000),
        cost or 0,
        is_known and call.measured,
        is_known and not call.measured,
        not is_known,
        round(call.latency_ms),
    )


def summed(counts: Iterable[Counts]) -> Totals:
    """What several calls come to."""
    return Totals(*map(sum, zip(*counts, strict=True)))


def rolled_up(calls: Iterable[Charged]) -> dict[Dimensions, Totals]:
    """Calls added up by their dimensions."""
    found: dict[Dimensions, list[Counts]] = {}
    for each in calls:
        found.setdefault(dimensions_of(each), []).append(counts_of(each))
    return {dimensions: summed(counts) for dimensions, counts in found.items()}


def merged(parts: Iterable[tuple[Dimensions, Totals]]) -> dict[Dimensions, Totals]:
    """Totals added up by their dimensions; in whatever order they come, the sums are the same."""
    sums: dict[Dimensions, Totals] = {}
    for dimensions, totals in parts:
        known = sums.get(dimensions)
        sums[dimensions] = totals if known is None else known + totals
    return sums
