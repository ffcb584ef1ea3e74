"""An orderly end for a worker that is told to end: what is leased goes back, what was recorded is written."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

# The platform gives a worker longer than that before it kills it.
SETTLE_SECONDS = 8.0


def settle_on_sigterm(settle: Callable[[], Awaitable[None]]) -> None:
    """Have SIGTERM await `settle` first, and only then do what it would have done: the worker's own server lets the
    calls under way come to their end.

    Call it in the running loop. It does nothing where signals can't be handled: in another thread than the main one,
    on Windows.
    """
    before = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def end() -> None:
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await settle()
        except Exception:
            logger.exception("The gateway did not settle in order")
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, before)
            os.kill(os.getpid(), signal.SIGTERM)

    def stop() -> None:
        if not tasks:
            tasks.add(asyncio.create_task(end()))

    try:
        loop.add_signal_handler(signal.SIGTERM, stop)
    except (NotImplementedError, RuntimeError, ValueError):
        logger.debug("SIGTERM can't be handled here")
