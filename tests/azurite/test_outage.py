"""Storage that is dead, hangs, refuses us, or is no storage at all: soon told, and well again by itself."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.errors import StorageUnavailable
from gateway.local.azurite import connection_string
from gateway.storage import failures
from gateway.storage.rows import Row
from gateway.storage.tables import AzureTables
from tests.azurite.conftest import Azurite, free_port

Call = Callable[[AzureTables], Awaitable[object]]
Opened = Callable[[str], AzureTables]
CALLS: list[Call] = [
    lambda tables: tables.get("things", "p", "k"),
    lambda tables: tables.list("things"),
    lambda tables: tables.list("things", "p"),
    lambda tables: tables.create("things", Row("p", "k")),
    lambda tables: tables.replace("things", Row("p", "k", {}, 'W/"1"')),
    lambda tables: tables.put("things", Row("p", "k")),
    lambda tables: tables.delete("things", "p", "k"),
    lambda tables: tables.transact("things", create=[Row("p", "k")]),
]


async def refusal(tables: AzureTables, call: Call) -> tuple[StorageUnavailable, float]:
    """The error of a call that must fail, and how many seconds it took."""
    began = time.monotonic()
    with pytest.raises(StorageUnavailable) as caught:
        await call(tables)
    return caught.value, time.monotonic() - began


@asynccontextmanager
async def answering(data: bytes, then_wait: bool = False) -> AsyncIterator[AzureTables]:
    """A client of a server that gives every request this answer, whatever was asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        if then_wait:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    tables = AzureTables(connection=connection_string(server.sockets[0].getsockname()[1]))
    try:
        yield tables
    finally:
        await tables.close()
        server.close()
        await server.wait_closed()


def http(status: str, body: bytes, *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers])
    return head.encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("call", CALLS)
async def test_a_dead_storage_is_told_within_a_second_and_names_when_to_come_back(opened: Opened, call: Call) -> None:
    tables = opened(connection_string(free_port()))
    await refusal(tables, call)  # imports the SDK
    error, seconds = await refusal(tables, call)
    assert error.message == "Storage can't be reached."
    assert error.retry_after == failures.RETRY_SECONDS
    assert seconds < 1


async def test_a_storage_that_accepts_and_never_answers_is_told_within_six_seconds(opened: Opened) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        tables = opened(connection_string(mute.getsockname()[1]))
        told = await asyncio.gather(*(refusal(tables, call) for call in CALLS))
        assert {error.message for error, _ in told} == {"Storage did not answer in time."}
        assert max(seconds for _, seconds in told) < 6.5


async def test_a_storage_that_does_not_even_accept_is_told_within_six_seconds(opened: Opened) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        queue = [socket.socket() for _ in range(4)]
        for waiting in queue:
            waiting.setblocking(False)
            waiting.connect_ex(address)
        tables = opened(connection_string(address[1]))
        told = await asyncio.gather(*(refusal(tables, call) for call in CALLS))
        assert max(seconds for _, seconds in told) < 6.5
        for waiting in queue:
            waiting.close()


async def test_a_storage_that_trickles_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "WHOLE_SECONDS", 0.3)
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", then_wait=True) as tables:
        error, _ = await refusal(tables, CALLS[0])
        assert error.message == "Storage did not answer in time."


async def test_after_a_kill_all_calls_fail_and_after_a_restart_all_work_with_the_same_client(
    own_azurite: Azurite, opened: Opened
) -> None:
    tables = opened(own_azurite.connection)
    for _ in range(2):
        await tables.put("things", Row("p", "k"))
        # Connections that wait in the pool when the server dies must not poison what comes after.
        await asyncio.gather(*(tables.get("things", "p", "k") for _ in range(5)))
        own_azurite.kill()
        told = await asyncio.gather(*(refusal(tables, call) for call in CALLS))
        assert max(seconds for _, seconds in told) < 1
        own_azurite.start()
        await tables.put("things", Row("p", "k", {"A": 1}))
        row = await tables.get("things", "p", "k")
        assert row is not None
        assert await tables.list("things") == [row]


async def test_calls_in_flight_at_the_kill_fail_as_unavailable(own_azurite: Azurite, opened: Opened) -> None:
    tables = opened(own_azurite.connection)
    await tables.put("things", Row("p", "k"))
    calls = [asyncio.ensure_future(call(tables)) for call in CALLS * 10]
    await asyncio.sleep(0)
    own_azurite.kill()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    failed = [outcome for outcome in outcomes if isinstance(outcome, StorageUnavailable)]
    assert len(failed) > len(CALLS)
    assert not [outcome for outcome in outcomes if isinstance(outcome, OSError | ValueError | KeyError)]


@pytest.mark.parametrize("call", CALLS)
# The SDK asks whether an XML element is true.
@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
async def test_a_wrong_account_key_is_our_fault_and_not_the_callers(
    shared_azurite: Azurite, opened: Opened, call: Call
) -> None:
    tables = opened(shared_azurite.connection.replace("AccountKey=Eby8", "AccountKey=AAAA"))
    error, _ = await refusal(tables, call)
    assert error.status == 503
    assert error.message.startswith("Storage refuses the gateway's own credentials (")
    assert "AAAA" not in error.message


NOT_A_TABLE_SERVICE = {
    "a web server": (http("404 Not Found", b"<h1>Not found</h1>", "Content-Type: text/html"), "Storage answered 404."),
    "other JSON": (http("404 Not Found", b'{"error": "?"}', "Content-Type: application/json"), "Storage answered 404."),
    "a proxy": (http("407 Proxy Authentication Required", b""), "Storage answered 407."),
    "throttling": (http("503 Busy", b"", "Retry-After: 60"), "Storage answered 503."),
    "a stranger's 401": (http("401 No", b""), "Storage refuses the gateway's own credentials (401)"),
    "no JSON": (http("200 OK", b"hello", "Content-Type: application/json"), "Storage"),
    "a stranger's JSON": (http("200 OK", b'{"hello": 1}', "Content-Type: application/json"), "Storage"),
    "a stranger's error": (http("409 No", b'{"odata.error": {"code": "A", "message": "B"}}'), "Storage"),
    "a cut answer": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "Storage"),
    "no HTTP": (b"220 smtp ready\r\n\r\n", "Storage can't be reached."),
    "a huge refusal": (
        http("409 Conflict", b'{"odata.error": {"code": "AccountBeingCreated"}}'),
        "Storage answered 409",
    ),
}


@pytest.mark.parametrize("stranger", NOT_A_TABLE_SERVICE)
async def test_what_is_no_table_service_reads_as_unavailable_and_never_as_empty(stranger: str) -> None:
    data, message = NOT_A_TABLE_SERVICE[stranger]
    async with answering(data) as tables:
        for call in CALLS:
            error, seconds = await refusal(tables, call)
            assert error.message.startswith(message), (error.message, call)
            assert seconds < 2
