"""A limit on how long a task waits."""

from __future__ import annotations

import asyncio

import pytest

from gateway.proxy.alarm import Alarms

ROUND_SECONDS = 0.002


async def test_a_wait_that_takes_too_long_ends_with_a_timeout_and_the_task_goes_on():
    alarm = Alarms(ROUND_SECONDS).new()
    with pytest.raises(TimeoutError), alarm.within(0.001):
        await asyncio.Event().wait()
    await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0
    alarm.close()


async def test_waits_in_time_are_left_alone_however_many_there_are():
    alarm = Alarms(ROUND_SECONDS).new()
    began = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < began + 3 * ROUND_SECONDS:
        with alarm.within(5):
            await asyncio.sleep(0.001)
    alarm.close()
    await asyncio.sleep(2 * ROUND_SECONDS)


async def test_a_shorter_wait_rings_in_its_own_time_after_a_longer_one():
    alarm = Alarms(ROUND_SECONDS).new()
    with alarm.within(3600):
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), alarm.within(0.001):
        await asyncio.Event().wait()
    alarm.close()


async def test_between_waits_nothing_rings():
    alarm = Alarms(ROUND_SECONDS).new()
    with alarm.within(0.001):
        pass
    await asyncio.sleep(2 * ROUND_SECONDS)
    with pytest.raises(TimeoutError), alarm.within(0.001):
        await asyncio.Event().wait()
    alarm.close()


async def test_whoever_cancels_the_task_meanwhile_comes_first():
    async def wait():
        alarm = Alarms(ROUND_SECONDS).new()
        try:
            with alarm.within(0.001):
                await asyncio.Event().wait()
        finally:
            alarm.close()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_raised_in_time_passes():
    alarm = Alarms(ROUND_SECONDS).new()
    with pytest.raises(ValueError, match="mine"), alarm.within(1):
        raise ValueError("mine")
    alarm.close()


async def test_one_timer_serves_all_alarms_and_rests_when_there_are_none():
    alarms = Alarms(ROUND_SECONDS)
    one, other = alarms.new(), alarms.new()
    timer = alarms._timer
    assert timer is not None
    one.close()
    other.close()
    await asyncio.sleep(2 * ROUND_SECONDS)
    assert timer.when() <= asyncio.get_running_loop().time() and alarms._timer is None
    alarms.new().close()
    assert alarms._timer is not None
    await asyncio.sleep(2 * ROUND_SECONDS)


async def test_a_task_that_goes_on_is_told_so_once_and_a_short_one_never():
    told = []
    alarms = Alarms(ROUND_SECONDS)
    short = alarms.new()
    short.lasting = lambda: told.append("short")
    short.close()
    long = alarms.new()
    long.lasting = lambda: told.append("long")
    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(ROUND_SECONDS)
    await asyncio.sleep(3 * ROUND_SECONDS)
    long.close()
    assert told == ["long"]
