"""A connection's transport, as the server writes to it."""

from __future__ import annotations

import asyncio

from gateway.write_batch import WriteBatch


class PatientTransport:
    """A connection's transport, whose writes leave in batches and in their order."""

    __slots__ = ("_batch", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, batch: WriteBatch) -> None:
        self._transport = transport
        self._batch = batch
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write it soon."""
        self._batch.write(self._write, data)

    def _write(self, data: bytes) -> None:
        # Who is gone meanwhile does not wait for it.
        if not self.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close, once all is written."""
        self._batch.flush()
        self._transport.close()
