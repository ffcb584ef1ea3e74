"""A limit on how long a task waits."""

from __future__ import annotations

import asyncio

import pytest

from gateway.proxy.alarm import Alarm


async def test_a_wait_that_takes_too_long_ends_with_a_timeout_and_the_task_goes_on():
    alarm = Alarm()
    with pytest.raises(TimeoutError), alarm.within(0.001):
        await asyncio.Event().wait()
    await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0
    alarm.close()


async def test_waits_in_time_are_left_alone_however_many_share_the_timer():
    alarm = Alarm()
    began = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < began + 0.02:
        with alarm.within(0.01):
            await asyncio.sleep(0.001)
    alarm.close()
    await asyncio.sleep(0.015)


async def test_a_shorter_wait_rings_in_its_own_time_after_a_longer_one():
    alarm = Alarm()
    with alarm.within(3600):
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), alarm.within(0.001):
        await asyncio.Event().wait()
    alarm.close()


async def test_between_waits_nothing_rings():
    alarm = Alarm()
    with alarm.within(0.001):
        pass
    await asyncio.sleep(0.005)
    with pytest.raises(TimeoutError), alarm.within(0.001):
        await asyncio.Event().wait()
    alarm.close()


async def test_whoever_cancels_the_task_meanwhile_comes_first():
    async def wait():
        alarm = Alarm()
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
    alarm = Alarm()
    with pytest.raises(ValueError, match="mine"), alarm.within(1):
        raise ValueError("mine")
    alarm.close()
