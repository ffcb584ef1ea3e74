"""What a worker that is told to end does before it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from gateway.functions import stopping


@pytest.fixture
def killed(monkeypatch):
    """Who would have been ended by which signal, in the end."""
    seen = asyncio.Queue()
    monkeypatch.setattr(stopping.os, "kill", lambda process, number: seen.put_nowait((process, number)))
    return seen


async def test_a_worker_that_is_told_to_end_settles_first(killed):
    settled = []

    async def settle():
        settled.append(killed.empty())

    stopping.settle_on_sigterm(settle)
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert await killed.get() == (os.getpid(), signal.SIGTERM)
    assert settled == [True]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_a_gateway_that_does_not_settle_does_not_keep_the_worker(killed, caplog):
    async def settle():
        raise RuntimeError("stuck")

    stopping.settle_on_sigterm(settle)
    signal.raise_signal(signal.SIGTERM)
    await killed.get()
    assert "did not settle in order" in caplog.text


async def test_whoever_handles_the_signal_has_it_afterwards(killed):
    def theirs(*_):
        pass

    async def settle():
        pass

    before = signal.signal(signal.SIGTERM, theirs)
    try:
        stopping.settle_on_sigterm(settle)
        signal.raise_signal(signal.SIGTERM)
        await killed.get()
        assert signal.getsignal(signal.SIGTERM) is theirs
    finally:
        signal.signal(signal.SIGTERM, before)


def test_another_thread_than_the_main_one_handles_no_signals(killed):
    async def call():
        stopping.settle_on_sigterm(None)

    thread = threading.Thread(target=lambda: asyncio.run(call()))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
