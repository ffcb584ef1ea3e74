"""Whether storage answers: each question to it is bounded, and each outage is said once in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.errors import StorageUnavailable
from gateway.storage.rows import RowChanged, RowExists

logger = logging.getLogger(__name__)

T = TypeVar("T")

# The longest that a call waits for storage, and how long nobody asks it again after it failed.
STORAGE_SECONDS = 5.0
REST = timedelta(seconds=1)


class Outage:
    """State of one process. `saying` ends the line of the log: what becomes of calls meanwhile."""

    def __init__(self, utc_now: Callable[[], datetime], saying: str) -> None:
        self._utc_now = utc_now
        self._saying = saying
        self._ask_again: datetime | None = None

    @property
    def is_on(self) -> bool:
        """Whether storage failed when it was asked last."""
        return self._ask_again is not None

    @property
    def rests(self) -> bool:
        """Whether it failed a moment ago, and is not to be asked now."""
        return self._ask_again is not None and self._utc_now() < self._ask_again

    async def ask(self, call: Awaitable[T]) -> T:
        """Await a call of storage; StorageUnavailable when it fails or takes too long."""
        try:
            async with asyncio.timeout(STORAGE_SECONDS):
                answer = await call
        except (RowChanged, RowExists):
            self._ended()
            raise
        except StorageUnavailable as error:
            self.began(error.message)
            raise
        except TimeoutError:
            raise self.late() from None
        self._ended()
        return answer

    def late(self) -> StorageUnavailable:
        """Storage, or what waits for it, took too long."""
        self.began("Storage did not answer in time.")
        return StorageUnavailable("Storage did not answer in time.", retry_after=REST.total_seconds())

    def began(self, reason: str) -> None:
        """Storage failed."""
        if self._ask_again is None:
            logger.warning("limits can't be leased: %s %s", reason, self._saying)
        self._ask_again = self._utc_now() + REST

    def _ended(self) -> None:
        if self._ask_again is not None:
            logger.info("limits are leased again: storage is back")
        self._ask_again = None
