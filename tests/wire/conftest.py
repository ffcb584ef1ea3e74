"""The upstream client is tried on both event loops, and must leave nothing behind on either."""

from __future__ import annotations

import asyncio
import gc
import sys

import pytest

from gateway.upstream.session import UpstreamSession


def pytest_asyncio_loop_factories(item):
    loops = {"asyncio": asyncio.new_event_loop}
    if sys.platform != "win32" and "session" in item.fixturenames:
        import uvloop

        loops["uvloop"] = uvloop.new_event_loop
    return loops


@pytest.fixture
async def session():
    made = UpstreamSession(connect_seconds=1)
    yield made
    pool = made._pool
    await made.close()
    # Transports and futures complain when they are collected; warnings are errors.
    gc.collect()
    assert pool is None or not pool._open
    here = asyncio.current_task()
    lingering = [each for each in asyncio.all_tasks() if each is not here and "gateway" in repr(each.get_coro())]
    assert not lingering
