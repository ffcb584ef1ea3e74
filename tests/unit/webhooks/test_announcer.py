"""Events of one instance, on their way to the outbox."""

from __future__ import annotations

import asyncio

import pytest

from gateway.routing.cooldown import Cooldowns
from gateway.routing.outcome import Kind, Outcome
from gateway.storage.memory import MemoryTables
from gateway.storage.outbox import OWN_PLACE, Event, Outbox
from gateway.webhooks import announcer as announcer_module
from gateway.webhooks.announcer import MOST_WAITING, Announcer, DeploymentEvents
from tests.fakes.dispatch import COOLING, NOON


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


def announcer(tables: MemoryTables, *wanted: str, slept: list[float] | None = None) -> Announcer:
    """An announcer that never waits."""

    async def sleep(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)
        await asyncio.sleep(0)

    return Announcer(Outbox(tables), lambda: frozenset(wanted), lambda: NOON, sleep=sleep)


async def stored(tables: MemoryTables) -> list[Event]:
    return [event for _, event in await Outbox(tables).read(*OWN_PLACE)]


async def test_an_event_is_stored_behind_the_call(tables: MemoryTables) -> None:
    made = announcer(tables, COOLING)
    made.tell(COOLING, {"deployment": "a"})
    made.tell(COOLING, {"deployment": "b"})
    assert not tables.calls
    await made.close()
    events = await stored(tables)
    assert sorted(each.data["deployment"] for each in events) == ["a", "b"]
    assert all(each.timestamp == NOON and each.event_type == COOLING for each in events)
    assert len({each.id for each in events}) == 2


async def test_what_nobody_wants_costs_nothing(tables: MemoryTables) -> None:
    made = announcer(tables, "quota.warning")
    made.tell(COOLING, {})
    await made.close()
    assert not tables.calls


async def test_events_outlive_an_outage_of_storage(tables: MemoryTables, caplog: pytest.LogCaptureFixture) -> None:
    slept: list[float] = []
    made = announcer(tables, COOLING, slept=slept)
    tables.available = False
    for number in range(MOST_WAITING + 5):
        made.tell(COOLING, {"number": number})
    while len(slept) < 3:
        await asyncio.sleep(0)
    tables.available = True
    await made.close()
    numbers = sorted(each.data["number"] for each in await stored(tables))
    assert len(numbers) == MOST_WAITING and numbers[-1] == MOST_WAITING + 4
    assert "5 events for webhooks were lost while storage was down" in caplog.text


async def test_an_event_that_is_pushed_out_while_it_is_written_takes_no_other_with_it(tables: MemoryTables) -> None:
    made = announcer(tables, COOLING)
    made.tell(COOLING, {"number": -1})
    await asyncio.sleep(0)
    for number in range(MOST_WAITING):
        made.tell(COOLING, {"number": number})
    await made.close()
    assert {each.data["number"] for each in await stored(tables)} == set(range(-1, MOST_WAITING))


async def test_a_close_while_storage_is_down_ends_and_says_what_is_lost(
    tables: MemoryTables, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer_module, "CLOSE_SECONDS", 0.01)
    made = announcer(tables, COOLING)
    tables.available = False
    made.tell(COOLING, {})
    await made.close()
    assert "1 events for webhooks could not be stored" in caplog.text


async def test_an_announcer_that_was_told_nothing_closes(tables: MemoryTables) -> None:
    await announcer(tables).close()


async def test_a_cool_down_and_its_end_are_told_with_their_reason(tables: MemoryTables) -> None:
    made = announcer(tables, COOLING, "deployment.recovered")
    time = 100.0
    cooldowns = Cooldowns(lambda: time, 10, 120, DeploymentEvents(made, "a1b2"))
    cooldowns.record("openai-chat/east", Outcome(Kind.THROTTLED, 429, wait=20), alone=False)
    time = 130.0
    cooldowns.record("openai-chat/east", Outcome(Kind.SERVED, 200), alone=False)
    await made.close()
    said = {each.event_type: each.data for each in await stored(tables)}
    assert said == {
        COOLING: {
            "deployment": "openai-chat/east",
            "seconds": 20,
            "reason": "throttled",
            "status": 429,
            "instance": "a1b2",
        },
        "deployment.recovered": {"deployment": "openai-chat/east", "instance": "a1b2"},
    }
