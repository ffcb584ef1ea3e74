"""What operators may have told to them: that most of a limit is used, that a limit refuses."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import QuotaExceeded
from gateway.limits.accounts import Amounts
from gateway.registry.limits import Limit
from gateway.storage.outbox import Outbox
from tests.unit.quotas.world import account, spend, tokens

BOTH = frozenset({"quota.warning", "quota.exceeded"})


async def events(world):
    outbox = Outbox(world.tables)
    found = [each for shard in "0123456789abcdef" for _, each in await outbox.read("quotas", shard)]
    return [(each.event_type, dict(each.data)) for each in found]


async def refuse(quotas, who, need):
    with pytest.raises(QuotaExceeded):
        await quotas.reserve([who], Amounts(1, need))


async def test_a_warning_is_stored_once_when_four_fifths_are_used(world):
    world.wanted = BOTH
    quotas, who = world.instance(), account(tokens(100))
    await spend(quotas, who, Amounts(1, 79))
    await quotas.close()
    assert await events(world) == []
    for _ in range(3):
        await spend(quotas, who, Amounts(1, 1))
        await quotas.close()
    [(kind, data)] = await events(world)
    assert kind == "quota.warning"
    assert data == {"tenant_id": "a", "model_id": None, "limit_type": "daily_tokens", "limit": 100, "used": 80}


async def test_the_first_refusal_of_a_window_is_stored_and_no_other(world):
    world.wanted = frozenset({"quota.exceeded"})
    who = account(tokens(100), scope="model:m", model_id="m")
    instances = world.instance(), world.instance()
    await spend(instances[0], who, Amounts(1, 95))
    await instances[0].close()
    for quotas in (*instances, *instances):
        await refuse(quotas, who, 10)
    [(kind, data)] = await events(world)
    assert kind == "quota.exceeded"
    assert data == {"tenant_id": "a", "model_id": "m", "limit_type": "daily_tokens", "limit": 100, "used": 95}
    world.pass_(24 * 3600)
    await spend(instances[1], who, Amounts(1, 95))
    await refuse(instances[1], who, 10)
    assert len(await events(world)) == 2


async def test_an_accounts_first_row_may_come_with_an_event(world):
    world.wanted = BOTH
    quotas = world.instance()
    await spend(quotas, account(Limit("cost", "month", 10**9)), Amounts(1, 0, 9 * 10**8))
    [(kind, data)] = await events(world)
    assert (kind, data["limit_type"], data["limit"], data["used"]) == ("quota.warning", "monthly_cost", 1.0, 0.9)


async def test_nothing_is_stored_that_nobody_wants(world):
    quotas, who = world.instance(), account(tokens(100))
    await spend(quotas, who, Amounts(1, 95))
    await refuse(quotas, who, 10)
    assert await events(world) == []


async def test_what_can_never_fit_is_no_event(world):
    world.wanted = BOTH
    await refuse(world.instance(), account(tokens(100)), 101)
    assert await events(world) == []


async def test_a_refusal_is_the_same_when_its_event_can_not_be_stored(world):
    world.wanted = BOTH
    quotas, who = world.instance(), account(tokens(100))
    await spend(quotas, who, Amounts(1, 95))
    world.tables.available = False
    await refuse(quotas, who, 10)
    await refuse(quotas, who, 10)
    world.tables.available = True
    world.pass_(2)
    await quotas.standing(who)
    await refuse(quotas, who, 10)
    assert sorted(kind for kind, _ in await events(world)) == ["quota.exceeded", "quota.warning"]


async def test_refusals_that_come_together_are_one_event(world):
    world.wanted = frozenset({"quota.exceeded"})
    who, instances = account(tokens(100)), [world.instance() for _ in range(3)]
    await spend(instances[0], who, Amounts(1, 95))
    await instances[0].close()
    await asyncio.gather(*(refuse(quotas, who, 10) for quotas in (*instances, *instances)))
    assert len(await events(world)) == 1
