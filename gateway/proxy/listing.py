"""Lists of files and batches: a tenant's own, each fetched from where it lives."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import closing
from urllib.parse import parse_qsl

from msgspec.structs import replace

from gateway.asgi import JSON, Headers, Send, answer
from gateway.errors import InvalidRequest, StorageUnavailable
from gateway.openai.operations import Operation
from gateway.openai.thing_ids import ThingIds, UnknownThing
from gateway.proxy.attempt import Attempter
from gateway.routing.outcome import Kind
from gateway.routing.router import Router
from gateway.storage.things import ThingStore
from gateway.upstream.target import Call

log = logging.getLogger("gateway.proxy")

DEFAULT_LIMIT = 20
MOST = 100
AT_A_TIME = 8
FETCH_SECONDS = 30.0
RETRY_SECONDS = 5.0
TRIES = 5


class Things:
    """Remembers who made what, and lists it. Only lists wait on storage; nothing else does."""

    def __init__(self, store: ThingStore, router: Router, attempter: Attempter) -> None:
        self._store = store
        self._router = router
        self._attempter = attempter
        self._writes: set[asyncio.Task[None]] = set()

    def made(self, tenant: str, operation: Operation, body: bytes) -> None:
        """Take note, in the background, of a thing whose making was answered with this body."""
        issued = _field(body, "id")
        if issued is not None:
            self._later(lambda: self._store.add(tenant, operation.name, issued))

    def gone(self, tenant: str, operation: Operation, issued_id: str) -> None:
        """Take note, in the background, that a thing was deleted."""
        self._later(lambda: self._store.remove(tenant, operation.name, issued_id))

    def _later(self, write: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(_persist(write))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Wait for the writes that are under way."""
        await asyncio.gather(*self._writes)

    async def list(self, tenant: str, ids: ThingIds, call: Call, send: Send, headers: Headers) -> None:
        """Answer a list as OpenAI does: `limit`, `after`, `order` and `purpose` are understood."""
        asked = dict(parse_qsl(call.query))
        issued = await self._store.list(tenant, call.operation.name)
        if asked.get("order") == "asc":
            issued.reverse()
        if "after" in asked:
            if asked["after"] not in issued:
                raise InvalidRequest("'after' names nothing of this list.", param="after")
            issued = issued[issued.index(asked["after"]) + 1 :]
        limit = _limit(asked.get("limit"))
        gate = asyncio.Semaphore(AT_A_TIME)

        async def fetch(each: str) -> bytes | None:
            async with gate:
                return await self._fetch(ids, call, each)

        page = [body for body in await asyncio.gather(*map(fetch, issued[:limit])) if body is not None]
        purpose = asked.get("purpose")
        if purpose is not None:
            page = [body for body in page if _field(body, "purpose") == purpose]
        ends = {"first_id": _field(page[0], "id"), "last_id": _field(page[-1], "id")} if page else {}
        tail = json.dumps({**ends, "has_more": len(issued) > limit})[1:]
        body = b'{"object": "list", "data": [' + b", ".join(page) + b"], " + tail.encode()
        await answer(send, 200, body, [JSON, *headers])

    async def _fetch(self, ids: ThingIds, call: Call, issued_id: str) -> bytes | None:
        """One thing as its deployment shows it; None when it is gone or can't be had now."""
        try:
            home = ids.read(issued_id)
            plan = self._router.plan_at(home.tag, call.operation)
        except UnknownThing:
            return None
        deployment = plan.next()
        if deployment is None:
            return None
        path = f"{call.path}/{home.upstream_id}"
        one = replace(call, path=path, query="", names_thing=True)
        with closing(self._attempter.alarms.new()) as alarm:
            attempt = await self._attempter.attempt(one, deployment, FETCH_SECONDS, alarm)
        if attempt.answer is None:
            return None
        attempt.answer.close()
        if attempt.outcome.kind is not Kind.SERVED:
            return None
        return ids.to_caller(call.operation.id_prefixes, home.tag)(attempt.answer.held)


async def _persist(write: Callable[[], Awaitable[None]]) -> None:
    for number in range(TRIES):
        try:
            await write()
            return
        except StorageUnavailable:
            await asyncio.sleep(RETRY_SECONDS * (number + 1))
    log.error("a thing that was made could not be noted: it serves by its id but is missing in lists")


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise InvalidRequest("'limit' must be a whole number from 1 to 10000.", param="limit")
    return min(int(text), MOST)


def _field(body: bytes, name: str) -> str | None:
    """A text field of a JSON object; None when there is none."""
    try:
        value = json.loads(body).get(name)
    except (ValueError, AttributeError):
        return None
    return value if isinstance(value, str) else None
