"""The host's side: starts a worker process, routes requests to its functions, and forwards them as the host does."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.functions.harness.routes import choose

START_SECONDS = 30.0
STOP_SECONDS = 10.0
INVOCATION_SECONDS = 5.0  # a function returns its response at once; streaming it is no part of the invocation

# What the platform's front end and the host add to every request that they hand to a worker.
PLATFORM_HEADERS = {
    "client-ip": "203.0.113.7:50812",
    "disguised-host": "roundhouse.azurewebsites.net",
    "max-forwards": "9",
    "was-default-hostname": "roundhouse.azurewebsites.net",
    "x-appservice-proto": "https",
    "x-arr-log-id": "7d4e6c1e-2f0b-4d55-9a7e-0c3b1f6a9d21",
    "x-forwarded-for": "203.0.113.7:50812",
    "x-forwarded-proto": "https",
    "x-original-url": "/",
    "x-site-deployment-id": "roundhouse",
    "x-waws-unencoded-url": "/",
}


class WorkerFailed(RuntimeError):
    """The worker did not start: the app could not be indexed. The message is the worker's."""


@dataclass(frozen=True)
class Measure:
    """What a worker holds at one moment."""

    references: int
    resident_bytes: int


class FunctionsHost:
    """A worker with one app, from `async with` to its end. `functions` is {name: its trigger's binding}."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.functions: dict[str, dict[str, Any]] = {}
        self.failures: list[str] = []
        self.version = ""
        self._directory = directory
        self._environment = environment
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._orders = 0
        self._ending = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._log = stack.enter_context(tempfile.TemporaryFile())
            self._process = await self._start_process(stack)
            assert self._process.stdout is not None
            first = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
            started = json.loads(first or b'{"failed": "the worker ended"}')
            if "failed" in started:
                raise WorkerFailed(f"{started['failed']}\n{self.log()}")
            ready = started["ready"]
            self.functions, self.version, self._address = ready["functions"], ready["version"], ready["address"]
            self._routes = {name: t["route"] for name, t in self.functions.items() if t["type"] == "httpTrigger"}
            reader = asyncio.create_task(self._read_answers(self._process.stdout))
            stack.push_async_callback(_cancelled, reader)
            connector = aiohttp.TCPConnector(limit=0)
            self._session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            await self._wait_for_server()
            self._ending = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ending.aclose()

    @asynccontextmanager
    async def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request through the function that has its route; `options` are aiohttp's."""
        function, params = choose(self._routes, path.partition("?")[0])
        invocation_id = str(uuid.uuid4())
        invocation = asyncio.create_task(
            self._order("http", function=function, invocation_id=invocation_id, params=params)
        )
        try:
            async with self._session.request(
                method,
                self._address + path,
                headers={**PLATFORM_HEADERS, **(headers or {}), "x-ms-invocation-id": invocation_id},
                **options,
            ) as response:
                yield response
        finally:
            await asyncio.wait([invocation], timeout=INVOCATION_SECONDS)
            if not invocation.done():
                invocation.cancel()  # it waits for a request that did not arrive
            elif failure := invocation.result()["failure"]:
                self.failures.append(failure)

    async def timer(self, function: str) -> None:
        """Fire the timer `function`; its failure is raised."""
        answer = await self._order("timer", function=function, invocation_id=str(uuid.uuid4()))
        if answer["failure"]:
            raise RuntimeError(answer["failure"])

    async def measure(self) -> Measure:
        """What the worker holds now."""
        answer = await self._order("measure")
        return Measure(answer["references"], answer["resident_bytes"])

    async def terminate(self) -> int:
        """Tell the worker to end, as the platform does; what it ended with."""
        self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), STOP_SECONDS)

    def log(self) -> str:
        """All that the worker has written to its standard error and output."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    async def _start_process(self, stack: AsyncExitStack) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("worker.py")),
            str(self._directory),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            env={"PATH": os.environ["PATH"], **self._environment},
        )
        stack.push_async_callback(_ended, process)
        return process

    async def _wait_for_server(self) -> None:
        host, _, port = self._address.removeprefix("http://").rpartition(":")
        async with asyncio.timeout(START_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection(host, int(port))
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return await writer.wait_closed()

    async def _order(self, verb: str, **details: Any) -> dict[str, Any]:
        self._orders += 1
        number = self._orders
        self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "verb": verb, **details}).encode() + b"\n")
        try:
            return await self._answers[number]
        finally:
            del self._answers[number]

    async def _read_answers(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            answer = json.loads(line)
            if (waiting := self._answers.get(answer["id"])) is not None and not waiting.done():
                waiting.set_result(answer)
        for waiting in self._answers.values():
            waiting.set_exception(WorkerFailed(self.log()))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Close the worker's input, which ends it; kill it if it lingers."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
