"""The simulated upstream as one server, in this process."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from simulator.connection import Connection
from simulator.control import PREFIX, control
from simulator.record import Received, Records
from simulator.reply import Reply, decide
from simulator.script import Playbook, Script
from simulator.state import State


class Simulator:
    """A look-alike of OpenAI, Azure OpenAI, Anthropic, Gemini, Vertex and Bedrock on a port of its own.

        async with Simulator() as simulator:
            simulator.script("east", Script(status=429, headers={"retry-after-ms": "2500"}))
            ...  # call simulator.url
            assert simulator.received("east")[0].headers["api-key"] == "..."

    A deployment is an upstream with scripts, records and stored responses, files and batches of its own. The path's
    prefix may name it, as in `simulator.account("east")`; else the path or the body does, as `model`.

    Port 0 takes a free one. With `record` false nothing that arrives is kept.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, record: bool = True) -> None:
        self._host = host
        self._port = port
        self._record = record
        self._playbook = Playbook()
        self._records = Records()
        self._state = State()
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, self._host, self._port, backlog=1024)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every open connection."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.gather(*(connection.drop() for connection in self._connections))
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Simulator:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end. Azure's `endpoint`; OpenAI's `base_url` is `url + "/v1"`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def account(self, deployment: str) -> str:
        """Where one deployment answers alone, whatever models its callers name, as `url` without a slash at the end.

        What it stores is known only there, as with an Azure resource or an OpenAI account.
        """
        return f"{self.url}/accounts/{quote(deployment, safe='')}"

    @property
    def open_connections(self) -> int:
        """How many clients are connected now, idle ones included."""
        return len(self._connections)

    def script(self, deployment: str, *scripts: Script) -> None:
        """Let a deployment follow these scripts in order from now on; without any it answers well again."""
        self._playbook.write(deployment, scripts)

    def received(self, deployment: str | None = None) -> list[Received]:
        """What arrived for one deployment, or for all, oldest first; control requests are left out."""
        return self._records.select(deployment)

    def reset(self) -> None:
        """Forget every script, every record, and every response, file and batch; connections stay."""
        self._playbook.clear()
        self._records.clear()
        self._state = State()

    def _connect(self) -> Connection:
        return Connection(self._begin, self._decide, self._connections)

    def _begin(self, received: Received) -> None:
        if self._record and not received.path.startswith(PREFIX):
            self._records.add(received)

    def _decide(self, received: Received) -> Reply:
        if received.path.startswith(PREFIX):
            return control(received, self._playbook, self._records)
        return decide(received, self._playbook, self._state)
