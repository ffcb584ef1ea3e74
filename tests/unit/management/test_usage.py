"""Usage for operators: sums, groups, single calls; as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.catalog.models import catalog_id
from gateway.openai.tokens import Tokens
from tests.asgi import Reply
from tests.unit.management.plane import Plane, refusal
from tests.unit.usage.ledger import NOON, call

GPT = catalog_id("azure", "gpt-4o")


@pytest.fixture
async def used(plane: Plane) -> Plane:
    """Two tenants' calls of a day, and one of another month."""
    record = plane.recorder.record
    for number in range(4):
        record(call(number, key_id=f"key-{number % 2}", tokens=Tokens(input=1_000_000, cached_input=5)))
    record(call(4, tenant="fabrikam@1", tenant_id="fabrikam", provider="vllm", known_as=("own",), upstream_model="own"))
    record(call(5, provider=None, deployment=None, upstream_model=None, known_as=(), tokens=Tokens(), status=404))
    record(call(6, at=NOON - timedelta(days=31)))
    return plane


async def usage(plane: Plane, **query: str) -> Reply:
    return await plane.call("GET", "/usage", query="&".join(f"{name}={value}" for name, value in query.items()))


async def calls(plane: Plane, **query: str) -> Reply:
    asked = {"tenant_id": "contoso", "date": "2026-11-20", **query}
    return await plane.call("GET", "/usage/calls", query="&".join(f"{name}={value}" for name, value in asked.items()))


def table(reply: Reply) -> list[dict[str, str]]:
    assert reply.status == 200 and reply.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(reply.body.decode())))


async def test_all_tenants_together_are_added_up_and_what_has_no_price_is_said(used: Plane) -> None:
    found = (await usage(used, date="2026-11")).json
    assert (found["start_utc"], found["end_utc"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    assert found["groups"] == [] and found["tenant_id"] is None
    totals = found["totals"]
    assert (totals["requests"], totals["failed"], totals["unpriced"], totals["measured"]) == (6, 1, 1, 5)
    assert (totals["input_tokens"], totals["cached_tokens"], totals["total_tokens"]) == (4_000_010, 20, 4_000_015)
    assert 9.9 < totals["cost"] <= 10 and totals["average_latency_ms"] == 100.0
    assert found["note"] == "No price is known of 1 of 6 calls: the cost has nothing of them."


async def test_a_day_a_tenant_and_a_model_can_be_asked_for(used: Plane) -> None:
    async def requests(**query: str) -> int:
        found: int = (await usage(used, **query)).json["totals"]["requests"]
        return found

    assert await requests(period="day", date="2026-11-20") == 6
    assert await requests(period="day", date="2026-11-19") == 0
    assert await requests(date="2026-10") == 1
    assert await requests(date="2026-11", tenant_id="contoso") == 5
    assert await requests(date="2026-11", model_id=GPT) == 4
    assert await requests(date="2026-11", tenant_id="fabrikam", model_id=GPT) == 0
    found = (await usage(used, date="2026-11", tenant_id="contoso")).json
    assert found["note"] is None and found["tenant_id"] == "contoso"


async def test_without_a_date_it_is_now(used: Plane) -> None:
    now = datetime.now(UTC)
    used.recorder.record(call(at=now, tenant="now@1"))
    for period in ("month", "day"):
        assert (await usage(used, period=period, tenant_id="now")).json["totals"]["requests"] == 1
    assert len((await calls(used, tenant_id="now", date=f"{now:%Y-%m-%d}")).json["calls"]) == 1
    reply = await used.call("GET", "/usage/calls", query="tenant_id=now")
    assert len(reply.json["calls"]) == 1
    nothing = (await usage(used, date="2020-02")).json["totals"]
    assert nothing["requests"] == 0 and nothing["average_latency_ms"] is None


async def test_groups_are_split_by_what_was_asked_for_the_dearest_first(used: Plane) -> None:
    groups = (await usage(used, date="2026-11", group_by="tenant,model")).json["groups"]
    assert [(each["tenant_id"], each["model_id"], each["model"], each["requests"]) for each in groups] == [
        ("contoso", GPT, "gpt-4o", 4),
        ("fabrikam", catalog_id("vllm", "own"), "own", 1),
        ("contoso", None, None, 1),
    ]
    assert groups[0]["provider"] == "azure" and groups[0]["key_id"] is None
    by_key = (await usage(used, date="2026-11", group_by="key")).json["groups"]
    assert sorted(each["key_id"] for each in by_key) == ["3f9ac2e1b07d", "key-0", "key-1"]
    for name in ("deployment", "operation", "endpoint"):
        groups = (await usage(used, date="2026-11", group_by=name)).json["groups"]
        assert sum(each["requests"] for each in groups) == 6


async def test_usage_comes_as_csv_by_parameter_or_header(used: Plane) -> None:
    reply = await usage(used, date="2026-11", format="csv", group_by="tenant")
    assert reply.headers["content-disposition"] == 'attachment; filename="usage-2026-11.csv"'
    assert [(row["tenant_id"], row["requests"]) for row in table(reply)] == [("contoso", "5"), ("fabrikam", "1")]
    [row] = table(await usage(used, date="2026-11", format="csv"))
    assert row["requests"] == "6" and row["unpriced"] == "1"
    headers = {"authorization": "Bearer operator-token-of-the-tests", "accept": "text/csv"}
    assert len(table(await used.call("GET", "/usage", query="date=2026-11", headers=headers))) == 1
    reply = await used.call("GET", "/usage", query="date=2026-11&format=json", headers=headers)
    assert reply.headers["content-type"] == "application/json"


async def test_calls_are_listed_newest_first_and_paged(used: Plane) -> None:
    seen: list[dict[str, Any]] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        reply = (await calls(used, **query)).json
        seen += reply["calls"]
        if reply["next"] is None:
            break
        query["cursor"] = reply["next"]
    assert [each["request_id"] for each in seen] == [f"request-{number:06}" for number in (5, 3, 2, 1, 0)]
    assert seen[1]["tokens"] == {"input": 1_000_000, "cached_input": 5}
    assert seen[1]["cost"] > 2.4 and seen[1]["provenance"] == "measured"
    assert (seen[0]["status"], seen[0]["deployment"], seen[0]["model_id"], seen[0]["cost"]) == (404, None, None, 0)
    [unpriced] = (await calls(used, tenant_id="fabrikam")).json["calls"]
    assert (unpriced["cost"], unpriced["provenance"]) == (None, "unpriced")


async def test_calls_as_csv_have_a_column_for_each_kind_of_token_and_the_next_page_in_a_header(used: Plane) -> None:
    reply = await calls(used, format="csv", limit="4")
    rows = table(reply)
    assert [row["input"] for row in rows] == ["0", "1000000", "1000000", "1000000"]
    assert rows[1]["at"] == "2026-11-20T12:00:03+00:00" and "tokens" not in rows[0]
    last = await calls(used, format="csv", limit="4", cursor=reply.headers["x-next-cursor"])
    assert len(table(last)) == 1 and "x-next-cursor" not in last.headers


async def test_no_cell_is_a_formula(plane: Plane) -> None:
    typed = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", 'a,"b"', "plain"]
    for number, model in enumerate(typed):
        plane.recorder.record(call(number, model=model))
    rows = table(await calls(plane, format="csv"))
    assert [row["model"] for row in reversed(rows)] == [f"'{each}" for each in typed[:7]] + typed[7:]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("period=year", "period"),
        ("period=day&date=2026-11", "date"),
        ("period=month&date=2026-11-20", "date"),
        ("date=2026-13", "date"),
        ("date=1969-12", "date"),
        ("date=9999-12", "date"),
        ("period=day&date=2026-02-30", "date"),
        ("group_by=model,colour", "group_by"),
        ("group_by=model,model", "group_by"),
        ("model_id=gpt-4o", "model_id"),
        ("format=xml", "format"),
        ("colour=red", "colour"),
    ],
)
async def test_what_is_asked_wrongly_is_refused_by_name(plane: Plane, query: str, param: str) -> None:
    assert refusal(await plane.call("GET", "/usage", query=query))["param"] == param


async def test_a_list_of_calls_that_is_asked_for_wrongly_is_refused_by_name(plane: Plane) -> None:
    for query, param in (
        ("", "tenant_id"),
        ("tenant_id=a/b", "tenant_id"),
        ("tenant_id=a&limit=0", "limit"),
        ("tenant_id=a&limit=1001", "limit"),
        ("tenant_id=a&date=yesterday", "date"),
        ("tenant_id=a&date=2026-11-20&cursor=x", "cursor"),
        ("tenant_id=a&date=2026-11-20&cursor=1-x", "cursor"),
        ("tenant_id=a&date=2026-11-20&cursor=99999999999999999-x", "cursor"),
    ):
        assert refusal(await plane.call("GET", "/usage/calls", query=query))["param"] == param


async def test_while_storage_is_down_usage_is_503(used: Plane) -> None:
    used.tables.available = False
    assert refusal(await usage(used), 503)["code"] == "storage_unavailable"


async def test_the_examples_have_the_shape_of_the_answers(used: Plane) -> None:
    schemas = used.app.openapi()["components"]["schemas"]
    [example] = schemas["UsageView"]["examples"]
    found = (await usage(used, date="2026-11", group_by="tenant,model")).json
    assert list(found) == list(example)
    assert list(found["totals"]) == list(example["totals"])
    assert list(found["groups"][0]) == list(example["groups"][0])
    [example] = schemas["CallsView"]["examples"]
    found = (await calls(used)).json
    assert list(found) == list(example) and list(found["calls"][0]) == list(example["calls"][0])
