"""Several instances: what one gives back another may have, and crashes cost their leases."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import QuotaExceeded, RateLimited
from gateway.limits.accounts import Amounts
from tests.unit.quotas.world import ONE, account, requests, spend, tokens


async def test_five_requests_a_minute_over_three_instances_refuse_the_sixth_and_not_the_fifth(world):
    who = account(requests(5))
    instances = [world.instance() for _ in range(3)]
    for number in range(5):
        await spend(instances[number % 3], who, ONE)
    for quotas in instances:
        with pytest.raises(RateLimited) as refused:
            await quotas.reserve([who], ONE)
        # It stepped aside for a moment where another had written.
        assert refused.value.retry_after == pytest.approx(60.25 - world.slept)
    assert world.slept < 0.1
    world.pass_(60)
    await spend(instances[0], who, ONE)


async def test_concurrent_callers_of_several_instances_get_exactly_the_limit(world):
    who = account(requests(20, "day"))
    instances = [world.instance() for _ in range(4)]

    async def call(quotas):
        try:
            await spend(quotas, who, ONE)
        except QuotaExceeded:
            return 0
        return 1

    assert sum(await asyncio.gather(*(call(instances[number % 4]) for number in range(60)))) == 20


async def test_a_caller_waits_for_what_others_hold_unspent(world):
    who, (holder, other) = account(tokens(1000)), (world.instance(), world.instance())
    for _ in range(3):
        await spend(holder, who, Amounts(1, 100))
    [standing] = await other.standing(who)
    assert (standing.used, standing.held) == (300, 100)
    world.meanwhile = holder.tend
    await spend(other, who, Amounts(1, 650))
    assert 0 < world.slept <= 2.5


async def test_a_caller_waits_no_longer_than_two_and_a_half_seconds_for_it(world):
    who, (holder, other) = account(tokens(10**6)), (world.instance(), world.instance())
    for _ in range(30):
        await spend(holder, who, Amounts(1, 10_000))
    with pytest.raises(QuotaExceeded) as refused:
        await other.reserve([who], Amounts(1, 700_000))
    assert refused.value.retry_after == 1.25
    assert 2.5 <= world.slept < 3.1


async def test_what_settles_near_the_limit_is_returned_at_once(world):
    who, (near, other) = account(tokens(1000)), (world.instance(), world.instance())
    background = asyncio.create_task(near.run())
    reservation = await near.reserve([who], Amounts(1, 800))
    assert (await world.entry()).leases["i0"].in_flight == 800
    reservation.settle(Amounts(1, 100))
    for _ in range(20):
        await asyncio.sleep(0)
    assert (await world.entry()).taken == 100
    await spend(other, who, Amounts(1, 900))
    background.cancel()


async def test_what_is_idle_goes_back_after_ten_seconds_and_what_is_reserved_stays(world):
    who, quotas = account(tokens(10**6)), world.instance()
    for _ in range(20):
        await spend(quotas, who, Amounts(1, 100))
    running = await quotas.reserve([who], Amounts(1, 100))
    world.pass_(9)
    world.calls()
    await quotas.tend()
    assert world.calls() == 0
    # The rate falls to nothing over twenty seconds.
    for _ in range(2):
        world.pass_(11)
        await quotas.tend()
    entry = await world.entry()
    assert (entry.spent, entry.leases["i0"].amount) == (2000, 100)
    until = entry.leases["i0"].until
    world.pass_(11)
    await quotas.tend()
    assert (await world.entry()).leases["i0"].until > until
    running.settle(Amounts(1, 60))
    world.pass_(11)
    await quotas.tend()
    entry = await world.entry()
    assert (entry.spent, entry.taken) == (2060, 2060)
    world.calls()
    world.pass_(100)
    await quotas.tend()
    assert world.calls() == 0


async def test_closing_gives_back_everything_unspent(world):
    who, quotas = account(tokens(10**6)), world.instance()
    for _ in range(5):
        await spend(quotas, who, Amounts(1, 100), Amounts(1, 70))
    running = await quotas.reserve([who], Amounts(1, 100))
    await quotas.close()
    entry = await world.entry()
    assert (entry.spent, entry.taken) == (350, 450)
    running.refund()


async def test_the_lease_of_an_instance_that_died_is_lost_after_a_minute_and_not_more_than_that(world):
    who, (dead, other) = account(tokens(1000)), (world.instance(), world.instance())
    await dead.reserve([who], Amounts(1, 300))
    world.pass_(71)
    await spend(other, who, Amounts(1, 100))
    assert (await world.entry()).spent == 300
    with pytest.raises(QuotaExceeded):
        await other.reserve([who], Amounts(1, 601))
    await spend(other, who, Amounts(1, 600))


async def test_an_instance_that_was_thought_dead_spends_its_lease_and_no_more(world):
    who, (slow, other) = account(tokens(1000)), (world.instance(), world.instance())
    running = await slow.reserve([who], Amounts(1, 300))
    world.pass_(71)
    await spend(other, who, Amounts(1, 100))
    running.settle(Amounts(1, 200))
    await spend(slow, who, Amounts(1, 100))
    await slow.close()
    await other.close()
    entry = await world.entry()
    assert (entry.spent, entry.taken) == (400, 400)


async def test_a_standing_tells_what_others_used_and_hold(world):
    who, (here, there) = account(tokens(10**6)), (world.instance(), world.instance())
    for _ in range(3):
        await spend(there, who, Amounts(1, 100))
    await spend(here, who, Amounts(1, 50))
    [standing] = await here.standing(who)
    assert standing.used + standing.held + standing.remaining == 10**6
    assert standing.held > 0
    await there.close()
    [standing] = await here.standing(who)
    assert (standing.used, standing.held, standing.remaining) == (350, 0, 10**6 - 350)
    assert standing.window.key == "2026-03-01"


async def test_an_account_that_nobody_asks_for_is_forgotten_and_found_again(world):
    who, quotas = account(tokens(100)), world.instance()
    await spend(quotas, who, Amounts(1, 60))
    for _ in range(30):
        world.pass_(11)
        await quotas.tend()
    assert not quotas._leases
    with pytest.raises(QuotaExceeded):
        await quotas.reserve([who], Amounts(1, 50))


async def test_an_account_in_use_is_not_forgotten(world):
    who, quotas = account(tokens(100)), world.instance()
    running = await quotas.reserve([who], Amounts(1, 60))
    for _ in range(60):
        world.pass_(11)
        await quotas.tend()
    running.settle(Amounts(1, 80))
    assert (await quotas.standing(who))[0].used == 80


async def test_the_background_tends_by_itself(world, monkeypatch):
    monkeypatch.setattr("gateway.quotas.quotas.TICK_SECONDS", 0)
    who, quotas = account(tokens(10**6)), world.instance()
    await spend(quotas, who, Amounts(1, 60))
    world.pass_(11)
    background = asyncio.create_task(quotas.run())
    for _ in range(20):
        await asyncio.sleep(0)
    background.cancel()
    assert (await world.entry()).spent == 60


async def test_an_instance_whose_clock_is_behind_follows_the_one_that_began_the_next_window(world):
    who, (behind, ahead) = account(requests(3)), (world.instance(), world.instance(ahead=2))
    world.pass_(59)
    await spend(behind, who, ONE)
    for quotas in (ahead, ahead, behind):
        await spend(quotas, who, ONE)
    world.pass_(1)
    for quotas in (behind, ahead):
        with pytest.raises(RateLimited):
            await quotas.reserve([who], ONE)


async def test_instances_that_report_together_lose_nothing(world):
    who, instances = account(tokens(10**6)), [world.instance() for _ in range(4)]
    for quotas in instances:
        await spend(quotas, who, Amounts(1, 100), Amounts(1, 60))
    await asyncio.gather(*(quotas.close() for quotas in instances))
    entry = await world.entry()
    assert (entry.spent, entry.taken) == (240, 240)
