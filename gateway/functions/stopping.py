"""An orderly end for a worker that is told to end: what is leased goes back, what was recorded is written."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

# The platform gives a worker longer than that before it kills it.
CLOSE_SECONDS = 8.0


def close_on_sigterm(close: Callable[[], Awaitable[None]]) -> None:
    """Have SIGTERM close the gateway, and then end the process as it would have.

    Call it in the running loop. It leaves a signal alone that somebody else handles, and does nothing where signals
    can't be handled (another thread than the main one, Windows).
    """
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def end() -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await close()
        except Exception:
            logger.exception("The gateway did not close in order")
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    def stop() -> None:
        if not tasks:
            tasks.add(asyncio.create_task(end()))

    try:
        loop.add_signal_handler(signal.SIGTERM, stop)
    except (NotImplementedError, RuntimeError, ValueError):
        logger.debug("SIGTERM can't be handled here")
