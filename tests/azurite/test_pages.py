"""Long lists, page by page, from a table service that now and then refuses one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest

from gateway.errors import StorageUnavailable
from gateway.local.azurite import connection_string
from gateway.storage import failures, tables
from gateway.storage.tables import AzureTables

PAGES = 4
REFUSED = (b"503 Server Busy", b"429 Too Many Requests", b"500 Internal Server Error")


class Service:
    """Lists rows `0`, `1`, …, one in a page, and does with each request what its script says."""

    def __init__(self, script: str) -> None:
        # A letter for each request: `a`nswer, `r`efuse, be `s`ilent, `b`reak off, answer what can't be `d`ecoded,
        # say that the table is `g`one.
        self.script = script
        self.asked: list[int] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *_ = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        asked = parse_qs(line.split()[1].decode().partition("?")[2])
        page = int(asked.get("NextRowKey", ["0"])[0])
        done = self.script[len(self.asked) : len(self.asked) + 1] or "a"
        self.asked.append(page)
        if done == "s":
            await reader.read()
        elif done != "b":
            writer.write(self._answer(done, page))
        writer.close()

    def _answer(self, done: str, page: int) -> bytes:
        etag = 5 if done == "d" else "W/1"
        value = [{"odata.etag": etag, "PartitionKey": "p", "RowKey": str(page), "Number": page}]
        body = json.dumps({"value": None if done == "d" else value}).encode()
        status = REFUSED[len(self.asked) % len(REFUSED)] if done == "r" else b"200 OK"
        if done == "g":
            status, body = b"404 Not Found", b'{"odata.error": {"code": "TableNotFound", "message": {"value": "?"}}}'
        head = [b"HTTP/1.1 " + status, b"Content-Type: application/json", b"Retry-After: 60", b"Connection: close"]
        if page + 1 < PAGES:
            head += [b"x-ms-continuation-NextPartitionKey: p", b"x-ms-continuation-NextRowKey: %d" % (page + 1)]
        return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body])


@asynccontextmanager
async def listing(script: str) -> AsyncIterator[tuple[Service, AzureTables]]:
    """A service with this script, and a client to it."""
    service = Service(script)
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    client = AzureTables(connection=connection_string(server.sockets[0].getsockname()[1]))
    try:
        yield service, client
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "PAGE_PAUSES", (0.01, 0.02, 0.04))


async def names(client: AzureTables) -> list[str]:
    return [row.key for row in await client.list("things")]


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ("aaaa", [0, 1, 2, 3]),
        ("arara", [0, 1, 1, 2, 2, 3]),
        ("arrra", [0, 1, 1, 1, 1, 2, 3]),
        ("aaarrr", [0, 1, 2, 3, 3, 3, 3]),
        ("ada", [0, 1, 1, 2, 3]),
    ],
)
async def test_a_page_that_is_refused_is_read_again_and_no_other(script: str, asked: list[int]) -> None:
    async with listing(script) as (service, client):
        assert await names(client) == ["0", "1", "2", "3"]
        assert service.asked == asked


async def test_a_page_that_does_not_come_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "WHOLE_SECONDS", 0.3)
    async with listing("asa") as (service, client):
        assert await names(client) == ["0", "1", "2", "3"]
        assert service.asked == [0, 1, 1, 2, 3]


async def test_a_page_that_is_refused_again_and_again_ends_the_list() -> None:
    async with listing("a" + 4 * "r") as (service, client):
        with pytest.raises(StorageUnavailable, match="Storage answered"):
            await client.list("things")
        assert service.asked == [0, 1, 1, 1, 1]


async def test_the_first_page_and_a_point_read_are_asked_for_once() -> None:
    async with listing("rr") as (service, client):
        began = time.monotonic()
        with pytest.raises(StorageUnavailable):
            await client.list("things")
        with pytest.raises(StorageUnavailable):
            await client.get("things", "p", "k")
        assert service.asked == [0, 0]
        assert time.monotonic() - began < 2


async def test_a_table_that_is_gone_in_the_midst_of_its_list_reads_as_empty_at_once() -> None:
    async with listing("ag") as (service, client):
        assert await client.list("things") == []
        assert service.asked == [0, 1]
