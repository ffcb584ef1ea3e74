"""An embeddings call that keeps its vectors: what is taken off before it goes out, and done before its answer does."""

from __future__ import annotations

import asyncio

from gateway.errors import UpstreamError, UpstreamUnreachable
from gateway.openai.collection import Keeping, take_collection
from gateway.openai.operations import Operation
from gateway.proxy.attempt import Answer
from gateway.upstream.session import ConnectionFailed
from gateway.vectors.collections import Collections, check_name


class Keeper:
    """Keeps the vectors of the calls that name a collection; all other calls pass it by."""

    def __init__(self, collections: Collections, idle_seconds: float) -> None:
        self._collections = collections
        self._idle_seconds = idle_seconds

    def take(self, operation: Operation, body: bytes) -> tuple[bytes, Keeping | None]:
        """The body as the upstream may see it, and what is to be kept of its answer. Raises InvalidRequest."""
        if operation.name != "embedding":
            return body, None
        body, keeping = take_collection(body)
        if keeping is not None:
            check_name(keeping.collection)
        return body, keeping

    async def keep(self, tenant: str, keeping: Keeping, model: str | None, answer: Answer) -> None:
        """Keep the vectors of an answer, which is read to its end for it and stays to be relayed as it is.

        An answer that is no success is let be. Raises UpstreamError, InvalidRequest, Conflict, StorageUnavailable.
        """
        if not 200 <= answer.status < 300:
            return
        await self._read_whole(answer)
        if not answer.is_json or answer.is_stream:
            raise UpstreamError("The upstream answered no JSON that can be read, so nothing was kept.")
        await self._collections.keep(tenant, keeping, model, answer.held)

    async def _read_whole(self, answer: Answer) -> None:
        if answer.rest is None:
            return
        parts = [answer.held]
        try:
            while parts[-1]:
                async with asyncio.timeout(self._idle_seconds):
                    parts.append(await answer.rest.chunk())
        except (ConnectionFailed, TimeoutError):
            raise UpstreamUnreachable("The upstream's answer broke off, so nothing was kept.") from None
        finally:
            answer.close()
        answer.held, answer.rest = b"".join(parts), None
