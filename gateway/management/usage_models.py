"""Usage as the management API is asked for it and as it shows it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.management import rules
from gateway.management.body import Body
from gateway.metering.records import Charged
from gateway.metering.rollups import Totals
from gateway.openai.tokens import Tokens
from gateway.registry.limits import dollars

GROUPS = ("tenant", "model", "key", "deployment", "operation", "endpoint")
MOST_CALLS = 1000
DEFAULT_CALLS = 100

_GROUP = "|".join(GROUPS)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MODEL_ID = "9e25dda5-428b-5041-a147-5098474ba2e1"
_SPENT: dict[str, Any] = {
    "requests": 1250,
    "failed": 12,
    "total_tokens": 913400,
    "input_tokens": 701200,
    "output_tokens": 212200,
    "cached_tokens": 120000,
    "reasoning_tokens": 40000,
    "audio_tokens": 0,
    "image_tokens": 0,
    "images": 0,
    "characters": 0,
    "seconds": 0.0,
    "cost": 3.875,
    "measured": 1240,
    "estimated": 7,
    "unpriced": 3,
    "average_latency_ms": 812.4,
}
_GROUPED: dict[str, Any] = {
    "tenant_id": "contoso",
    "model_id": _MODEL_ID,
    "provider": "azure",
    "model": "gpt-4o",
    "key_id": None,
    "deployment": None,
    "operation": None,
    "endpoint": None,
}
_CALL: dict[str, Any] = {
    "at": "2026-11-20T14:05:07.123456Z",
    "request_id": "0d6f2a3b9c514e7f8a1b2c3d4e5f6071",
    "tenant_id": "contoso",
    "key_id": "3f9ac2e1b07d",
    "operation": "chat",
    "model": "gpt-4o",
    "endpoint": None,
    "deployment": "openai-chat/gpt-4o-east",
    "provider": "azure",
    "upstream_model": "gpt-4o",
    "model_id": _MODEL_ID,
    "status": 200,
    "attempts": 1,
    "streamed": True,
    "latency_ms": 812.4,
    "first_byte_ms": 220.1,
    "tokens": {"input": 512, "output": 128, "cached_input": 256},
    "cost": 0.0025,
    "provenance": "measured",
}


def _different(text: str) -> str:
    """Several groups, each named once."""
    if len(set(text.split(","))) != len(text.split(",")):
        raise ValueError("must not name a group twice")
    return text


Period = Annotated[str, rules.OneOf(("day", "month"))]
Format = Annotated[str, rules.OneOf(("json", "csv"))]
GroupBy = Annotated[
    str,
    rules.Shape(
        re.compile(rf"(?:{_GROUP})(?:,(?:{_GROUP}))*"), f"one or more of {', '.join(GROUPS)}, separated by commas", 64
    ),
    AfterValidator(_different),
]
When = Annotated[
    str, rules.Shape(re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?"), "a day or month: 2026-11-20 or 2026-11", 10)
]
Day = Annotated[str, rules.Shape(re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "a day such as 2026-11-20", 10)]
ModelId = Annotated[str, rules.Shape(re.compile(_UUID), "a model's UUID in the catalog", 36)]
Limit = Annotated[str, rules.Shape(re.compile(r"[1-9][0-9]{0,2}|1000"), f"a whole number from 1 to {MOST_CALLS}", 4)]
Cursor = Annotated[str, rules.Shape(re.compile(r"[0-9]{1,17}-[0-9A-Za-z_-]{1,128}"), "the `next` of a page", 146)]

_FORMAT = "`json` or `csv`. Default: what the header `accept` names, else JSON."


class UsageQuery(Body):
    """Which usage to add up."""

    period: Period = Field("month", description="Of a `day` or a `month`, in UTC.", examples=["month"])
    date: When | None = Field(None, description="Which: a day or a month. Default: this one.", examples=["2026-11"])
    tenant_id: rules.Name | None = Field(
        None, description="Only of this tenant. Default: of all, deleted ones too.", examples=["contoso"]
    )
    model_id: ModelId | None = Field(None, description="Only of this model of the catalog.", examples=[_MODEL_ID])
    group_by: GroupBy | None = Field(
        None, description=f"Split by these, separated by commas: {', '.join(GROUPS)}.", examples=["tenant,model"]
    )
    format: Format | None = Field(None, description=_FORMAT, examples=["csv"])


class CallsQuery(Body):
    """Which calls to list."""

    tenant_id: rules.Name = Field(description="The tenant that called.", examples=["contoso"])
    date: Day | None = Field(None, description="The day, in UTC. Default: today.", examples=["2026-11-20"])
    limit: Limit = Field(
        str(DEFAULT_CALLS), description=f"The most calls of a page: 1 to {MOST_CALLS}.", examples=["100"]
    )
    cursor: Cursor | None = Field(
        None,
        description="The `next` of the page before.",
        examples=["1795183507123456-0d6f2a3b9c514e7f8a1b2c3d4e5f6071"],
    )
    format: Format | None = Field(None, description=_FORMAT, examples=["csv"])


class TotalsView(BaseModel):
    """What calls came to."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SPENT]})

    requests: int = Field(description="How many calls.")
    failed: int = Field(description="Of these, how many ended with a status of 400 and over, or broke off.")
    total_tokens: int = Field(description="Input and output tokens.")
    input_tokens: int = Field(description="Tokens of requests.")
    output_tokens: int = Field(description="Tokens of answers.")
    cached_tokens: int = Field(description="Of the input, those read from a cache of the provider.")
    reasoning_tokens: int = Field(description="Of the output, those of reasoning.")
    audio_tokens: int = Field(description="Of both, those that stand for sound.")
    image_tokens: int = Field(description="Of both, those that stand for pictures.")
    images: int = Field(description="Images made.")
    characters: int = Field(description="Characters of text spoken.")
    seconds: float = Field(description="Seconds of sound heard.")
    cost: float = Field(description="US dollars, of the calls whose price is known.")
    measured: int = Field(description="Calls whose usage the upstream told, and whose price is known.")
    estimated: int = Field(description="Calls whose usage is an estimate, and whose price is known.")
    unpriced: int = Field(description="Calls of which no price is known: `cost` has nothing of them.")
    average_latency_ms: float | None = Field(description="Milliseconds of a call, on average; null without calls.")

    @classmethod
    def values(cls, totals: Totals) -> dict[str, Any]:
        """The fields of this view."""
        average = round(totals.latency_ms / totals.requests, 1) if totals.requests else None
        derived = {
            "cost": dollars(totals.cost),
            "seconds": totals.milliseconds / 1000,
            "average_latency_ms": average,
        }
        return {name: derived.get(name, getattr(totals, name, None)) for name in TotalsView.model_fields}


class GroupParts(BaseModel):
    """What the calls of one group have in common."""

    tenant_id: str | None = Field(description="The tenant.")
    model_id: str | None = Field(description="The model's UUID in the catalog.")
    provider: str | None = Field(description="The provider of that model's deployments, where it is one.")
    model: str | None = Field(description="The deployments' own name of that model, where it is one.")
    key_id: str | None = Field(description="The public id of the API key.")
    deployment: str | None = Field(description="The deployment that answered: `class/name`.")
    operation: str | None = Field(description="The kind of call.")
    endpoint: str | None = Field(description="The named endpoint that was called.")


class GroupView(TotalsView, GroupParts):
    """What the calls of one group came to. What is not grouped by is null, and so is what calls had none of."""

    model_config = ConfigDict(json_schema_extra={"examples": [_GROUPED | _SPENT]})


class UsageView(BaseModel):
    """What was used."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "period": "month",
                    "start_utc": "2026-11-01T00:00:00Z",
                    "end_utc": "2026-12-01T00:00:00Z",
                    "tenant_id": None,
                    "model_id": None,
                    "group_by": ["tenant", "model"],
                    "totals": _SPENT,
                    "groups": [_GROUPED | _SPENT],
                    "note": "No price is known of 3 of 1,250 calls: the cost has nothing of them.",
                }
            ]
        }
    )

    period: str = Field(description="`day` or `month`.")
    start_utc: datetime = Field(description="Its first moment.")
    end_utc: datetime = Field(description="The first moment after it.")
    tenant_id: str | None = Field(description="The tenant that was asked for; null: all.")
    model_id: str | None = Field(description="The model that was asked for; null: all.")
    group_by: list[str] = Field(description="What it is split by.")
    totals: TotalsView = Field(description="All of it.")
    groups: list[GroupView] = Field(description="Its parts, the dearest first; none unless `group_by` was given.")
    note: str | None = Field(description="What the cost leaves out, in words; null when it is whole.")


class CallView(BaseModel):
    """One call."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CALL]})

    at: datetime = Field(description="When it came, in UTC.")
    request_id: str = Field(description="The `x-request-id` of its answer.")
    tenant_id: str = Field(description="Who called.")
    key_id: str = Field(description="The public id of the API key.")
    operation: str = Field(description="The kind of call.")
    model: str | None = Field(description="The model that was asked for, as the caller wrote it.")
    endpoint: str | None = Field(description="The named endpoint that was called.")
    deployment: str | None = Field(description="The deployment that answered: `class/name`; null: none.")
    provider: str | None = Field(description="That deployment's provider.")
    upstream_model: str | None = Field(description="That deployment's own name of its model.")
    model_id: str | None = Field(description="The UUID in the catalog that it counts under.")
    status: int = Field(description="The HTTP status; 499: the caller left; 0: the stream broke off.")
    attempts: int = Field(description="How many deployments were tried.")
    streamed: bool = Field(description="Whether the answer was a stream.")
    latency_ms: float = Field(description="Milliseconds until its end.")
    first_byte_ms: float | None = Field(description="Milliseconds until the answer's first byte; null: there was none.")
    tokens: dict[str, int | float] = Field(description="What was used, by kind; those that are not 0.")
    cost: float | None = Field(description="US dollars; null: no price is known.")
    provenance: str = Field(description="`measured`, `estimated` or `unpriced`.")

    @classmethod
    def of(cls, charged: Charged) -> CallView:
        """The view of a call."""
        plain = {name: getattr(charged.call, name, None) for name in cls.model_fields}
        used = {name: getattr(charged.call.tokens, name) for name in TOKENS}
        said = {
            "model_id": charged.model_id or None,
            "tokens": {name: count for name, count in used.items() if count},
            "cost": None if charged.cost is None else dollars(charged.cost),
            "provenance": charged.provenance,
        }
        return cls(**plain | said)


class CallsView(BaseModel):
    """One page of calls."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"calls": [_CALL], "next": "1795183507123456-0d6f2a3b9c514e7f8a1b2c3d4e5f6071"}]
        }
    )

    calls: list[CallView] = Field(description="The calls, newest first.")
    next: str | None = Field(description="The `cursor` of the next page; null: this is the last.")


TOKENS = Tokens.__struct_fields__
