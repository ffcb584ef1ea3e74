"""docs/scale.md argues from the constants of the code and of the template, and its sums are right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import ceil, exp
from pathlib import Path

import pytest

from gateway.limits.holding import FAR_SECONDS
from gateway.limits.ledger import MOST_HOLDERS
from gateway.settings import Settings
from gateway.storage.refresh import EARLIEST_RELOAD, FULL_RELOAD
from gateway.storage.sums import MOST_IN_PASSING
from gateway.storage.tables import ROWS_IN_A_PAGE
from gateway.storage.usage import DIMENSIONS_IN_A_PAGE, SHARDS
from gateway.usage.pricer import RENEWED_AFTER
from gateway.usage.recorder import FLUSH_AT

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "scale.md").read_text()
MONTH_HOURS = 730
MONTH = MONTH_HOURS * 3600
GB, CONCURRENCY, SECONDS_OF_A_CALL = 2, 100, 2


def row(first_cell: str) -> list[str]:
    """The other cells of the last table row that begins with this cell."""
    *_, line = [line for line in DOC.splitlines() if line.startswith(f"| {first_cell} |")]
    return [cell.strip(" *$") for cell in line.strip("|").split("|")[1:]]


def number(cell: str) -> float:
    """`1,400,244`, `2 s`, `$0.40`."""
    return float(cell.split()[0].strip("$*").replace(",", ""))


def met(instances: int) -> float:
    """The chance that another of so many instances writes the same shard as one."""
    return 1 - ((SHARDS - 1) / SHARDS) ** (instances - 1)


def instances_at(entities: Callable[[int], float]) -> int:
    """How many instances a partition stands."""
    return max(each for each in range(1, 1_000) if entities(each) <= 2_000)


def test_what_stands_for_the_code_is_what_the_code_has():
    settings = Settings()
    for symbol, value in {
        "r": settings.refresh_seconds,
        "F": FULL_RELOAD.total_seconds(),
        "p": ROWS_IN_A_PAGE,
        "q": FAR_SECONDS,
        "f": settings.usage_flush_seconds,
        "c": RENEWED_AFTER.total_seconds(),
        "g": DIMENSIONS_IN_A_PAGE,
    }.items():
        assert number(row(f"`{symbol}`")[0]) == value, symbol
    assert f"sooner at {FLUSH_AT:,} calls" in DOC
    assert f"each instance waits {FULL_RELOAD.total_seconds() * EARLIEST_RELOAD:.0f} to 300 s" in DOC
    assert row("`z`")[0] == f"`x`, or `y` if `x` > {MOST_IN_PASSING}"
    assert row("`s`")[0] == f"`1 − ({SHARDS - 1}/{SHARDS})^(i − 1)`"
    assert f"{MOST_HOLDERS} holders" in DOC


def test_what_stands_for_the_template_is_what_the_template_has():
    main = (ROOT / "infra" / "main.bicep").read_text()
    for name, value in {
        "httpConcurrency": CONCURRENCY,
        "instanceMemoryMB": GB * 1024,
        "maximumInstanceCount": 40,
    }.items():
        assert f"param {name} int = {value}\n" in main
    parameters = json.loads((ROOT / "infra" / "main.parameters.json").read_text())["parameters"]
    assert parameters["httpConcurrency"]["value"] == f"${{GATEWAY_HTTP_CONCURRENCY={CONCURRENCY}}}"


def test_the_traffic_is_worked_out_rightly():
    rate, rows, reload_requests, tenants, sets = 1 / 270 + 6 / 3600, 2_010, 9, 20, 5
    for column, instances in enumerate((1, 10, 100, 1_000)):
        lease = tenants * (1.3 if instances == 1 else 3.5) / FAR_SECONDS
        shared = met(instances)
        page = 2 * sets * shared + 2 * sets + 1
        entities = {
            "marker": 1 / 2,
            "reloads": (rows + 1) * rate,
            "leases": lease,
            "usage": tenants * page / 5,
        }
        entities["all, of 20,000"] = sum(entities.values())
        entities["hottest partition (a tenant's usage), of 2,000"] = page / 5
        entities["reloads alone, with 100,000 tenants"] = (200_010 + 1) * rate
        entities["requests a second"] = 1 / 2 + reload_requests * rate + 1 / 60 + lease + tenants * (2 * shared + 1) / 5
        for name, each in entities.items():
            assert number(row(name)[column]) == pytest.approx(instances * each, abs=0.51), (name, instances)
    assert instances_at(lambda n: n * (2 * 5 * met(n) + 2 * 5 + 1) / 5) == 476
    assert instances_at(lambda n: n * (2 * 100 * met(n) + 2 * 49 + 1) / 5) == 33
    assert instances_at(lambda n: n * 2 * (2 * 49 * met(n) + 2 * 49 + 1) / 5) == 25
    assert "`N` = 476; with 100 sets, 49 in a page: 33;" in DOC and "(two pages): 25 |" in DOC
    assert reload_requests == 1 + 4 + ceil(2_000 / ROWS_IN_A_PAGE)


@pytest.mark.parametrize(
    ("load", "calls", "hours"),
    [
        ("1 M, evenly over the month", 1e6, MONTH_HOURS),
        ("1 M in 176 working hours", 1e6, 176),
        ("1 M in one hour a day", 1e6, 30),
        ("1 M in one hour", 1e6, 1),
        ("10 a second around the clock, 26.3 M", 10 * MONTH, MONTH_HOURS),
        ("100 a second around the clock, 263 M", 100 * MONTH, MONTH_HOURS),
    ],
)
def test_the_cost_of_a_load_is_worked_out_rightly(load, calls, hours):
    on_demand, an_execution = number(row("`pt`")[0]), number(row("`px`")[0]) / 1e6
    under_way = calls * SECONDS_OF_A_CALL / (hours * 3600)
    instances = under_way // CONCURRENCY + 1
    busy = hours * 3600 * instances * (1 - exp(-under_way / instances))
    time, executions = GB * busy * on_demand, calls * an_execution
    expected = [under_way, instances, busy, GB * busy, time, executions, (time + executions) / calls * 1e6]
    assert [number(cell) for cell in row(load)] == pytest.approx(expected, rel=0.006)


def test_what_the_timers_cost_is_worked_out_rightly():
    source = (ROOT / "function_app.py").read_text()
    seconds = [schedule.split()[0] for schedule in re.findall(r'schedule="([^"]+)"', source)]
    executions = sum(len(each.split(",")) for each in seconds) * 60 * MONTH_HOURS
    assert f"{executions:,} executions and {executions * GB:,} GB-s" in DOC
    cost = (executions * GB - 100_000) * number(row("`pt`")[0])
    assert f"the rest is ${cost:.2f} a month" in DOC
