"""Notice that a caller has left, and stop the work that was for it."""

from __future__ import annotations

import asyncio
from types import TracebackType

from gateway.asgi import CallerGone, Message, Receive, Send


class CallerWatch:
    """While entered, a caller that leaves cancels the body of the `async with`, which then raises CallerGone.

    The server tells of a departure only to those who ask (ASGI's `http.disconnect`), so one small task asks.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._gone = False
        self._over = False

    async def __aenter__(self) -> CallerWatch:
        self._owner = asyncio.current_task()
        self._task = asyncio.create_task(self._watch())
        return self

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        # Servers say the same of an answer that was sent whole.
        if not self._over and self._owner is not None:
            self._gone = True
            self._owner.cancel()

    async def send(self, message: Message) -> None:
        """Send a part of the answer. Once its last part is on the way a departure changes nothing any more."""
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._over = True
        await self._send(message)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._task.cancel()
        if self._gone and self._owner is not None and self._owner.uncancel() == 0:
            raise CallerGone from None
