"""Rounds of the dispatcher: who hears of what, how often, and who waits for whom."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import StorageUnavailable
from gateway.storage import outbox
from gateway.storage.memory import MemoryTables
from gateway.storage.outbox import PLACES, Event
from gateway.storage.webhooks import Webhook
from gateway.webhooks import dispatcher as dispatcher_module
from gateway.webhooks.sender import Sent
from tests.fakes.dispatch import COOLING, NOON, Dispatch, webhook
from tests.fakes.target import TAKEN, FakeSender

FAILED = Sent(status=503, error="it answered 503")
GONE = Sent(status=410, error="it answered 410")


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
def dispatch(sender: FakeSender) -> Dispatch:
    return Dispatch(MemoryTables(), sender)


def calls(dispatch: Dispatch) -> dict[str, int]:
    assert isinstance(dispatch.tables, MemoryTables)
    return dispatch.tables.calls


def heard(sender: FakeSender) -> list[tuple[str, str]]:
    return [(webhook.id, event.id) for webhook, event, _ in sender.sent]


async def test_a_round_costs_one_read_when_no_webhook_is_registered(dispatch: Dispatch) -> None:
    await dispatch.round()
    assert calls(dispatch) == {"list": 1}


async def test_an_event_of_every_place_is_sent_once_and_then_gone(dispatch: Dispatch, sender: FakeSender) -> None:
    await dispatch.webhooks.create(webhook())
    for number, (table, partition) in enumerate(PLACES):
        await dispatch.tables.create(table, outbox.row(partition, Event(f"msg_{number}", COOLING, NOON, {"n": number})))
    for _ in range(3):
        await dispatch.round(60)
    assert sorted(heard(sender)) == sorted(("ops", f"msg_{number}") for number in range(len(PLACES)))
    assert all([not await dispatch.outbox.read(*place) for place in PLACES])
    assert {each.state for each in await dispatch.deliveries.of("ops")} == {"delivered"}


async def test_each_webhook_hears_of_what_it_wants_from_its_registration_on(
    dispatch: Dispatch, sender: FakeSender
) -> None:
    await dispatch.webhooks.create(webhook("a", events=(COOLING, "quota.warning")))
    await dispatch.webhooks.create(webhook("b", events=("quota.warning",)))
    await dispatch.webhooks.create(webhook("off", active=False))
    await dispatch.webhooks.create(webhook("late", created_at=NOON + timedelta(seconds=1)))
    await dispatch.happen("cooling")
    await dispatch.happen("warning", event_type="quota.warning")
    await dispatch.happen("unwanted", event_type="model.added")
    await dispatch.round()
    assert sorted(heard(sender)) == [("a", "cooling"), ("a", "warning"), ("b", "warning")]
    assert not await dispatch.outbox.read(*outbox.OWN_PLACE)


async def test_a_failure_is_tried_again_when_it_is_due_and_no_earlier(dispatch: Dispatch, sender: FakeSender) -> None:
    sender.answers = [FAILED, FAILED, TAKEN]
    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1")
    for seconds, tries in ((0, 1), (4.9, 1), (0.1, 2), (29, 2), (1, 3), (3600, 3)):
        await dispatch.round(seconds)
        assert len(sender.sent) == tries
    delivery = await dispatch.delivery()
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 3, 204)
    assert {event.id for _, event, _ in sender.sent} == {"msg_1"}


async def test_a_target_that_never_answers_ends_in_a_dead_letter_which_can_be_replayed(
    dispatch: Dispatch, sender: FakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    sender.answers = [FAILED]
    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1")
    for _ in range(4 * 24):
        await dispatch.round(3600)
    assert len(sender.sent) == 13
    [dead] = await dispatch.deliveries.dead()
    assert (dead.id, dead.attempts, dead.last_error) == ("ops.msg_1", 13, "it answered 503")
    assert caplog.text.count("delivery ops.msg_1 is a dead letter: it answered 503") == 1
    sender.answers = [TAKEN]
    await dispatch.deliveries.replay(dead.id, dispatch.now)
    await dispatch.round()
    assert len(sender.sent) == 14 and not await dispatch.deliveries.dead()


async def test_a_target_that_is_gone_is_switched_off_and_what_waits_is_a_dead_letter(
    dispatch: Dispatch, sender: FakeSender
) -> None:
    sender.answers = [GONE]
    await dispatch.webhooks.create(webhook())
    await dispatch.happen(*(f"msg_{number}" for number in range(9)))
    await dispatch.round()
    stored = await dispatch.webhooks.read("ops")
    assert stored is not None and not stored.active and stored.gone_at == NOON
    sent = len(sender.sent)
    await dispatch.round(5)
    assert len(sender.sent) == sent <= 4
    dead = await dispatch.deliveries.dead()
    assert len(dead) == 9
    assert {each.last_error for each in dead} == {"it answered 410", "the webhook is switched off"}


async def test_a_webhook_that_was_deleted_while_it_was_sent_to_stays_deleted(
    dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deleting(FakeSender):
        async def send(self, webhook: Webhook, event: Event, now: datetime) -> Sent:
            await dispatch.webhooks.delete(webhook.id)
            return await super().send(webhook, event, now)

    dispatch.dispatcher = dispatch.instance(Deleting(GONE))
    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1")
    await dispatch.round()
    assert await dispatch.webhooks.list() == []


async def test_what_waits_for_a_deleted_webhook_is_forgotten(dispatch: Dispatch, sender: FakeSender) -> None:
    sender.answers = [FAILED]
    await dispatch.webhooks.create(webhook("a"))
    await dispatch.webhooks.create(webhook("b", events=("model.added",)))
    await dispatch.happen("msg_1")
    await dispatch.round()
    await dispatch.webhooks.delete("a")
    await dispatch.round(60)
    assert len(sender.sent) == 1
    assert await dispatch.tables.list("webhooks", "delivery") == []


async def test_a_delivered_event_is_forgotten_after_three_days_and_a_dead_one_after_thirty(
    dispatch: Dispatch, sender: FakeSender
) -> None:
    sender.answers = [TAKEN, GONE]
    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1")
    await dispatch.round()
    await dispatch.happen("msg_2")
    await dispatch.round()
    for days, left in ((2, ["msg_1", "msg_2"]), (1, ["msg_2"]), (26, ["msg_2"]), (1, [])):
        await dispatch.round(days * 86_400)
        assert sorted(each.event.id for each in await dispatch.deliveries.of("ops")) == left
    assert await dispatch.tables.list("webhooks", "delivery") == []


async def test_two_instances_at_once_send_each_event_once(dispatch: Dispatch, sender: FakeSender) -> None:
    await dispatch.webhooks.create(webhook())
    await dispatch.happen(*(f"msg_{number}" for number in range(20)))
    instances = [dispatch.instance(sender) for _ in range(3)]
    await asyncio.gather(*(each.deliver_due() for each in instances))
    assert len(sender.sent) == len(set(heard(sender))) == 20


async def test_what_a_killed_instance_had_claimed_is_sent_by_another(dispatch: Dispatch, sender: FakeSender) -> None:
    class Killed(FakeSender):
        async def send(self, webhook: Webhook, event: Event, now: datetime) -> Sent:
            raise asyncio.CancelledError

    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1")
    with pytest.raises(asyncio.CancelledError):
        await dispatch.instance(Killed()).deliver_due()
    await dispatch.round(59)
    assert not sender.sent
    await dispatch.round(1)
    assert len(sender.sent) == 1


async def test_after_a_failure_the_rest_of_a_target_waits_for_the_next_round(
    dispatch: Dispatch, sender: FakeSender
) -> None:
    sender.answers = [FAILED] * 4 + [TAKEN]
    await dispatch.webhooks.create(webhook())
    await dispatch.happen(*(f"msg_{number:02}" for number in range(20)))
    await dispatch.round()
    assert len(sender.sent) == 4
    await dispatch.round(1)
    assert len(sender.sent) == 20
    await dispatch.round(10)
    assert len(set(heard(sender))) == 20


async def test_a_round_begins_nothing_after_its_time(
    dispatch: Dispatch, sender: FakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "ROUND_SECONDS", -1.0)
    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1")
    await dispatch.round()
    assert not sender.sent
    assert (await dispatch.delivery()).state == "pending"


@given(st.integers(1, 60))
async def test_an_outage_of_storage_at_any_moment_loses_no_event(calls_before_it: int) -> None:
    class Failing(MemoryTables):
        left = -1

        async def _called(self, method: str) -> None:
            await super()._called(method)
            self.left -= 1
            if self.left == 0:
                raise StorageUnavailable("down")

    tables, sender = Failing(), FakeSender()
    dispatch = Dispatch(tables, sender)
    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1", "msg_2")
    tables.left = calls_before_it
    for seconds in (0, 1, 60, 60):
        try:
            await dispatch.round(seconds)
        except StorageUnavailable:
            continue
    assert set(heard(sender)) == {("ops", "msg_1"), ("ops", "msg_2")}
    assert {each.state for each in await dispatch.deliveries.of("ops")} == {"delivered"}


async def test_the_loop_does_rounds_through_outages_and_defects_and_says_a_defect_once(
    dispatch: Dispatch, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []
    assert isinstance(dispatch.tables, MemoryTables)
    tables = dispatch.tables

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        tables.available = len(slept) != 2
        if len(slept) == 4:
            raise asyncio.CancelledError

    class Defective(FakeSender):
        async def send(self, webhook: Webhook, event: Event, now: datetime) -> Sent:
            if len(slept) in (0, 1):
                dispatch.now += timedelta(seconds=60)
                raise LookupError
            return await super().send(webhook, event, now)

    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1")
    defective = Defective()
    with pytest.raises(asyncio.CancelledError):
        await dispatch.instance(defective, sleep=sleep).run(7)
    assert slept == [7] * 4 and len(defective.sent) == 1
    assert caplog.text.count("a round of webhooks failed") == 1


async def test_a_changed_webhook_is_sent_to_where_it_is_now(dispatch: Dispatch, sender: FakeSender) -> None:
    sender.answers = [FAILED, TAKEN]
    await dispatch.webhooks.create(webhook())
    await dispatch.happen("msg_1")
    await dispatch.round()
    await dispatch.webhooks.update("ops", lambda before: replace(before, url="https://new.example/"))
    await dispatch.round(5)
    assert [each.url for each, _, _ in sender.sent] == ["https://ops.example/hook", "https://new.example/"]
