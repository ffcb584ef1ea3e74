"""The host's side of the Functions runtime under load: a worker on a core of its own, and its calls.

The worker is the one that tests/functions start: the real azure-functions-runtime, which gets its invocations as lines
of JSON in place of gRPC, and serves HTTP itself. Each call is both, as the platform's host does it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import load, workload
from benchmarks.load import BadAnswer, Call, Sample
from benchmarks.process import DidNotStart, Launch, Running
from tests.functions.harness.host import PLATFORM_HEADERS

ROOT = Path(__file__).parents[1]
WORKER = ROOT / "tests" / "functions" / "harness" / "worker.py"
FUNCTION = "data"
PATH = "/v1/chat/completions"
START_SECONDS = 30.0
LARGEST_LINE = 1024 * 1024
SUCCEEDED = b'"failure": null}\n'
# Stands for the invocation's id in a request that is made once.
ID_HEADER = "x-ms-invocation-id"
ID = "{:036d}"
SOME_ID = ID.format(0)


class Worker:
    """A worker process with one function app."""

    def __init__(self, app: Path, environment: Mapping[str, str], core: int, log: Path) -> None:
        """Start it, with the Python that runs this. app: where function_app.py is."""
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        # It takes orders from its input and answers on its output; what it logs goes to its error output.
        command = [
            "sh",
            "-c",
            f'exec "$@" </dev/fd/{orders} >/dev/fd/{answers}',
            "sh",
            sys.executable,
            str(WORKER),
            str(app),
        ]
        started = Launch(command, environment={"PYTHONPATH": str(ROOT), **environment}, descriptors=(orders, answers))
        self.running = Running(started, core, log)
        self._numbers = count(1)
        self._failure: str | None = None

    async def serving(self) -> None:
        """Wait until the app is indexed and the worker takes connections. DidNotStart if it can't."""
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader(LARGEST_LINE)
        pipe = os.fdopen(self._answers, "rb", buffering=0)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), pipe)
        transport, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(self._orders, "wb", buffering=0))
        self._transport = transport
        first = json.loads(await asyncio.wait_for(lines.readline(), START_SECONDS) or b"{}")
        if "ready" not in first:
            raise DidNotStart(f"{first.get('failed', 'the worker ended')}\n{self.running.last_words()}")
        self.version: str = first["ready"]["version"]
        parts = urlsplit(first["ready"]["address"])
        self._address = parts.hostname or "", parts.port or 80
        async with asyncio.timeout(START_SECONDS):
            await _takes_connections(*self._address)
        self._reading = asyncio.create_task(self._read(lines))

    async def load(self, headers: Mapping[str, str], connections: int, seconds: float) -> Sample:
        """Call the function for so long. BadAnswer if an answer or an invocation is not as it should be."""
        request = Request(self._address, headers)

        def begin() -> bytes:
            number = next(self._numbers)
            self._transport.write(order(number))
            return request.of(number)

        try:
            sample = await load.run_each(begin, self._address, connections, seconds, workload.LEAST_ANSWER_BYTES)
        except BadAnswer as fault:
            raise BadAnswer(f"{fault}\n{self.running.last_words()}") from None
        if self._failure is not None:
            raise BadAnswer(self._failure)
        return sample

    async def _read(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            if not line.endswith(SUCCEEDED):
                self._failure = line.decode()


class Request:
    """The HTTP side of a call: the chat of every benchmark, with what the platform adds to it."""

    def __init__(self, address: tuple[str, int], headers: Mapping[str, str]) -> None:
        host, port = address
        every = {**PLATFORM_HEADERS, **headers, ID_HEADER: SOME_ID}
        call = Call(f"http://{host}:{port}{PATH}", every, workload.chat(workload.MODEL))
        self._before, _, self._after = call.request().partition(SOME_ID.encode())

    def of(self, number: int) -> bytes:
        """The request of one invocation."""
        return self._before + ID.format(number).encode() + self._after


def order(number: int) -> bytes:
    """The invocation's side of a call: a line for the worker."""
    told = {
        "id": number,
        "verb": "http",
        "function": FUNCTION,
        "invocation_id": ID.format(number),
        "params": {"path": PATH[1:]},
    }
    return json.dumps(told).encode() + b"\n"


async def _takes_connections(host: str, port: int) -> None:
    """Wait until it does: the worker says where its server is before that serves."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return await writer.wait_closed()
