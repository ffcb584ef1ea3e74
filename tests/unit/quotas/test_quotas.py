"""One instance: what calls take, what they give back, what it costs."""

from __future__ import annotations

import asyncio

import pytest

from gateway.asgi import pairs
from gateway.errors import QuotaExceeded, RateLimited
from gateway.limits.accounts import Amounts
from tests.unit.quotas.world import ONE, account, requests, spend, tokens


async def test_a_tenant_without_limits_pays_nothing(world):
    quotas = world.instance()
    first = await quotas.reserve([], ONE)
    assert first is await quotas.reserve([account()], ONE)
    first.settle(ONE)
    first.refund()
    assert (first.lines(), first.standings(), await quotas.standing(account())) == (b"", [], [])
    assert world.calls() == 0


async def test_a_minutes_limit_refuses_the_call_after_the_last_and_says_the_true_wait(world):
    quotas, who = world.instance(), account(requests(5))
    world.pass_(20)
    for _ in range(5):
        await spend(quotas, who, ONE)
    with pytest.raises(RateLimited) as refused:
        await quotas.reserve([who], ONE)
    assert type(refused.value) is RateLimited
    assert refused.value.retry_after == 40.25
    assert refused.value.message == (
        "Tenant 'a' may use 5 requests a minute; too little is left for this call, which needs 1 request. "
        "The next minute begins at 2026-03-01T12:01:00Z."
    )
    assert dict(refused.value.headers()) | {
        b"x-ratelimit-limit-requests": b"5",
        b"x-ratelimit-remaining-requests": b"0",
        b"x-ratelimit-reset-requests": b"40s",
    } == dict(refused.value.headers())
    world.pass_(40.25)
    await spend(quotas, who, ONE)


async def test_a_limit_of_the_day_or_month_is_a_quota(world):
    quotas = world.instance()
    for limit in (tokens(10), tokens(10, "month")):
        who = account(limit, scope=limit.name)
        await spend(quotas, who, Amounts(1, 10))
        with pytest.raises(QuotaExceeded):
            await quotas.reserve([who], Amounts(1, 1))


async def test_of_several_refusals_the_longest_is_told(world):
    quotas, who = world.instance(), account(tokens(10, "minute"), tokens(10))
    await spend(quotas, who, Amounts(1, 10))
    with pytest.raises(QuotaExceeded) as refused:
        await quotas.reserve([who], Amounts(1, 1))
    assert refused.value.retry_after == 12 * 3600 + 0.25


async def test_money_is_told_in_dollars(world):
    from gateway.registry.limits import Limit

    quotas, who = world.instance(), account(Limit("cost", "month", 1_500_000_000))
    with pytest.raises(QuotaExceeded, match=r"needs \$2, and tenant 'a' may use \$1.5 a month: it can never fit"):
        await quotas.reserve([who], Amounts(1, 0, 2_000_000_000))


async def test_a_refusal_of_a_spent_limit_costs_no_storage_operation(world):
    quotas, who = world.instance(), account(tokens(100))
    await spend(quotas, who, Amounts(1, 90))
    world.calls()
    for _ in range(10):
        with pytest.raises(QuotaExceeded):
            await quotas.reserve([who], Amounts(1, 20))
    assert world.calls() == 0
    await spend(quotas, who, Amounts(1, 10))


async def test_what_can_never_fit_is_refused_as_such_and_without_a_time(world):
    quotas, who = world.instance(), account(tokens(100))
    with pytest.raises(QuotaExceeded, match="can never fit") as refused:
        await quotas.reserve([who], Amounts(1, 101))
    assert refused.value.retry_after is None
    assert world.calls() == 0


async def test_a_thousand_calls_take_few_operations_of_storage(world):
    quotas, who = world.instance(), account(requests(10**6), tokens(10**9), tokens(10**10, "month"))
    for _ in range(1000):
        await spend(quotas, who, Amounts(1, 500), Amounts(1, 200))
    assert world.calls() <= 6


async def test_calls_that_come_together_share_a_write(world):
    quotas, who = world.instance(), account(tokens(10**6))
    reservations = await asyncio.gather(*(quotas.reserve([who], Amounts(1, 100)) for _ in range(64)))
    assert world.calls() <= 4
    assert (await quotas.standing(who))[0].used == 6400
    for each in reservations:
        each.refund()
    assert (await quotas.standing(who))[0].used == 0


async def test_settling_counts_once_and_may_exceed_the_reservation(world):
    quotas, who = world.instance(), account(tokens(1000))
    reservation = await quotas.reserve([who], Amounts(1, 100))
    reservation.settle(Amounts(1, 300))
    reservation.settle(Amounts(1, 500))
    reservation.refund()
    [standing] = await quotas.standing(who)
    assert (standing.used, standing.remaining) == (300, 700)
    await quotas.close()
    assert (await world.entry()).spent == 300


async def test_spending_beyond_the_limit_is_counted_and_refuses_even_what_needs_nothing(world):
    quotas, who = world.instance(), account(tokens(100))
    await spend(quotas, who, Amounts(1, 50), Amounts(1, 130))
    with pytest.raises(QuotaExceeded):
        await quotas.reserve([who], Amounts(1, 0))
    await quotas.close()
    assert (await world.entry()).spent == 130


async def test_all_accounts_are_taken_from_or_none(world):
    quotas = world.instance()
    tenant, model = account(tokens(1000)), account(tokens(100), scope="model:m")
    (await quotas.reserve([tenant, model], Amounts(1, 80))).settle(Amounts(1, 80))
    with pytest.raises(QuotaExceeded) as refused:
        await quotas.reserve([tenant, model], Amounts(1, 80))
    assert dict(refused.value.limits)[b"x-ratelimit-remaining-tokens"] == b"20"
    assert [each.used for each in await quotas.standing(tenant)] == [80]


async def test_a_reservation_tells_how_the_tightest_limits_stand(world):
    quotas = world.instance()
    reservation = await quotas.reserve([account(requests(10)), account(tokens(1000), scope="model:m")], Amounts(1, 80))
    assert [each.used for each in reservation.standings()] == [1, 80]
    assert dict(pairs(reservation.lines()))[b"x-ratelimit-remaining-tokens"] == b"920"
    reservation.settle(Amounts(1, 20))
    assert dict(pairs(reservation.lines()))[b"x-ratelimit-remaining-tokens"] == b"980"


async def test_what_would_fit_once_running_calls_have_settled_is_to_be_tried_again_soon(world):
    quotas, who = world.instance(), account(tokens(100))
    running = await quotas.reserve([who], Amounts(1, 80))
    with pytest.raises(QuotaExceeded, match="reserved by calls that are running") as refused:
        await quotas.reserve([who], Amounts(1, 40))
    assert refused.value.retry_after == 1.25
    running.settle(Amounts(1, 10))
    await spend(quotas, who, Amounts(1, 40))


async def test_a_raised_limit_counts_at_once(world):
    quotas = world.instance()
    await spend(quotas, account(tokens(100)), Amounts(1, 100))
    with pytest.raises(QuotaExceeded):
        await quotas.reserve([account(tokens(100))], Amounts(1, 50))
    await spend(quotas, account(tokens(150)), Amounts(1, 50))


async def test_a_lowered_limit_counts_at_once_even_for_what_is_leased(world):
    quotas = world.instance()
    for _ in range(3):
        await spend(quotas, account(tokens(10**6)), Amounts(1, 50))
    for _ in range(2):
        with pytest.raises(QuotaExceeded):
            await quotas.reserve([account(tokens(160))], Amounts(1, 50))
    await spend(quotas, account(tokens(200)), Amounts(1, 50))
    await quotas.close()
    assert (await world.entry()).taken == 200


async def test_a_limit_that_is_added_counts_from_then_on(world):
    quotas = world.instance()
    await spend(quotas, account(tokens(1000)), Amounts(1, 50))
    both = account(requests(1), tokens(1000))
    await spend(quotas, both, Amounts(1, 50))
    with pytest.raises(RateLimited):
        await quotas.reserve([both], Amounts(1, 50))
    assert [each.used for each in await quotas.standing(both)] == [1, 100]


async def test_a_call_that_settles_in_the_next_window_leaves_that_alone(world):
    quotas, who = world.instance(), account(tokens(100, "minute"))
    running = await quotas.reserve([who], Amounts(1, 100))
    world.pass_(60)
    after = await quotas.reserve([who], Amounts(1, 60))
    running.settle(Amounts(1, 100))
    after.settle(Amounts(1, 60))
    assert [each.used for each in await quotas.standing(who)] == [60]
