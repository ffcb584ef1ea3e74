"""Routes of usage: what all tenants used, added up, and call by call."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from gateway.errors import InvalidParameter, InvalidRequest
from gateway.management.context import Context
from gateway.management.error_models import documented
from gateway.management.usage_models import (
    TOKENS,
    CallsQuery,
    CallsView,
    CallView,
    GroupParts,
    GroupView,
    TotalsView,
    UsageQuery,
    UsageView,
)
from gateway.metering.rollups import Dimensions, RollupPeriod, Total, Totals
from gateway.usage.reports import Place

router = APIRouter(tags=["usage"])

CSV = "text/csv; charset=utf-8"
NEXT = "x-next-cursor"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
# A spreadsheet takes a cell that begins so for a formula; callers choose what stands in some of them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_DIMENSION_OF = {
    "model": "model_id",
    "key": "key_id",
    "deployment": "deployment",
    "operation": "operation",
    "endpoint": "endpoint",
}


@router.get(
    "/usage",
    summary="Add up usage",
    response_model=UsageView,
    response_description="The sum, and its parts where `group_by` was given.",
    responses=_CSV | documented(InvalidRequest),
)
async def read_usage(asked: Annotated[UsageQuery, Query()], request: Request, context: Context) -> UsageView | Response:
    """What was used in a day or a month, by all tenants or one: what this instance served is in it at once, what others
    served within their flush interval (5 seconds). As CSV there is a row for each group, or one for the sum.
    """
    start, end, which = _span(asked)
    period: RollupPeriod = "day" if asked.period == "day" else "month"
    found = [
        (each.tenant_id, total)
        for each in await context.usage.everyone(period, which, asked.tenant_id)
        for total in each.totals
        if asked.model_id in (None, total.dimensions.model_id)
    ]
    group_by = asked.group_by.split(",") if asked.group_by else []
    groups = _grouped(found, group_by) if group_by else []
    totals = _sum(total for _, total in found)
    if _wants_csv(asked.format, request):
        rows = groups or ([] if group_by else [_group([], [], found)])
        return _csv(list(GroupView.model_fields), (each.model_dump() for each in rows), f"usage-{which}.csv")
    return UsageView(
        period=asked.period,
        start_utc=start,
        end_utc=end,
        tenant_id=asked.tenant_id,
        model_id=asked.model_id,
        group_by=group_by,
        totals=TotalsView(**TotalsView.values(totals)),
        groups=groups,
        note=_note(totals),
    )


@router.get(
    "/usage/calls",
    summary="List calls",
    response_model=CallsView,
    response_description="A page of calls, newest first.",
    responses=_CSV | documented(InvalidRequest),
)
async def list_calls(asked: Annotated[CallsQuery, Query()], request: Request, context: Context) -> CallsView | Response:
    """The calls of a tenant in a day, one by one. As CSV the next page's cursor is in the header `x-next-cursor`."""
    day = _day(asked.date) if asked.date else datetime.now(UTC).date()
    after = _place(asked.cursor, day) if asked.cursor else None
    found, place = await context.usage.calls(asked.tenant_id, day, int(asked.limit), after)
    following = None if place is None else f"{(place[0] - EPOCH) // MICROSECOND}-{place[1]}"
    calls = [CallView.of(each) for each in found]
    if not _wants_csv(asked.format, request):
        return CallsView(calls=calls, next=following)
    columns = [each for each in CallView.model_fields if each != "tokens"]
    rows = (call.model_dump() | dict.fromkeys(TOKENS, 0) | call.tokens for call in calls)
    reply = _csv([*columns, *TOKENS], rows, f"calls-{day}.csv")
    if following is not None:
        reply.headers[NEXT] = following
    return reply


def _span(asked: UsageQuery) -> tuple[datetime, datetime, str]:
    """The first moment of the period, the first after it, and its name."""
    if asked.period == "day":
        day = _day(asked.date) if asked.date else datetime.now(UTC).date()
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return start, start + timedelta(days=1), f"{day}"
    month = asked.date or f"{datetime.now(UTC):%Y-%m}"
    if len(month) != len("2026-11"):
        raise InvalidParameter("date must be a month such as 2026-11, as period is month", param="date")
    first = _day(f"{month}-01")
    start = datetime(first.year, first.month, 1, tzinfo=UTC)
    return start, (start + timedelta(days=31)).replace(day=1), month


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    # There is a first moment after each period.
    if len(text) != len("2026-11-20") or not 1970 <= day.year < date.max.year:
        raise InvalidParameter("date must be a day such as 2026-11-20, not before 1970", param="date")
    return day


def _place(cursor: str, day: date) -> Place:
    microseconds, _, request_id = cursor.partition("-")
    moment = EPOCH + int(microseconds) * MICROSECOND
    if moment.date() != day:
        raise InvalidParameter("cursor is of another day: give the date that it was made for", param="cursor")
    return moment, request_id


def _grouped(found: Sequence[tuple[str, Total]], group_by: Sequence[str]) -> list[GroupView]:
    """The groups, the dearest first."""
    members: dict[tuple[str, ...], list[tuple[str, Total]]] = {}
    for tenant_id, total in found:
        key = tuple(_part(tenant_id, total.dimensions, each) for each in group_by)
        members.setdefault(key, []).append((tenant_id, total))
    groups = [_group(group_by, key, members[key]) for key in sorted(members)]
    return sorted(groups, key=lambda each: (-each.cost, -each.total_tokens, -each.requests))


def _group(group_by: Sequence[str], key: Sequence[str], members: Sequence[tuple[str, Total]]) -> GroupView:
    said: dict[str, Any] = dict.fromkeys(GroupParts.model_fields)
    for each, value in zip(group_by, key, strict=True):
        said[_DIMENSION_OF.get(each, "tenant_id")] = value or None
    if "model" in group_by:
        said["provider"] = _only(total.dimensions.provider for _, total in members)
        said["model"] = _only(total.dimensions.upstream_model for _, total in members)
    return GroupView(**TotalsView.values(_sum(total for _, total in members)), **said)


def _part(tenant_id: str, dimensions: Dimensions, group: str) -> str:
    return tenant_id if group == "tenant" else str(getattr(dimensions, _DIMENSION_OF[group]))


def _only(values: Iterable[str]) -> str | None:
    """The one value that all have; None where they differ."""
    different = set(values)
    return (different.pop() or None) if len(different) == 1 else None


def _sum(totals: Iterable[Total]) -> Totals:
    return sum((each.totals for each in totals), Totals())


def _note(totals: Totals) -> str | None:
    if not totals.unpriced:
        return None
    return f"No price is known of {totals.unpriced:,} of {totals.requests:,} calls: the cost has nothing of them."


def _wants_csv(given: str | None, request: Request) -> bool:
    return given == "csv" or (given is None and "text/csv" in request.headers.get("accept", ""))


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Any]], name: str) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return Response(text.getvalue(), media_type=CSV, headers={"content-disposition": f'attachment; filename="{name}"'})


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
