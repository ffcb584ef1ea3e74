"""`python -m simulator`: its line, its end, and its faults under the event loop it really uses."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def running(*options: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A simulator in a process of its own, and its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--port", "0", *options), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        yield (await asyncio.wait_for(process.stdout.readline(), 10)).decode().strip(), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly_even_during_a_stalled_answer(number: signal.Signals) -> None:
    async with running() as (url, process), aiohttp.ClientSession(headers={"api-key": "any"}) as session:
        async with session.put(f"{url}/_simulator/deployments/east", json={"stall_after": 0}) as answer:
            assert answer.status == 200
        async with session.post(f"{url}/v1/embeddings", json={"model": "east", "input": "text"}) as answer:
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_streams_are_cut_after_the_last_chunk_has_left(bare: Any) -> None:
    async with running() as (url, _), aiohttp.ClientSession() as session:
        bare.url = url
        for script in ({"cut_after": 3}, {"cut_after": 3, "cut_cleanly": True}):
            async with session.put(f"{url}/_simulator/deployments/east", json=script) as answer:
                assert answer.status == 200
            for _ in range(20):
                seen = await bare.chat("east", stream=True)
                assert (seen.content, seen.reset) == ("Hello from east", "cut_cleanly" not in script)


async def test_no_record_keeps_nothing() -> None:
    async with running("--no-record") as (url, _), aiohttp.ClientSession(headers={"api-key": "any"}) as session:
        async with session.get(f"{url}/v1/models") as answer:
            assert answer.status == 200
        async with session.get(f"{url}/_simulator/requests") as answer:
            assert await answer.json() == {"requests": []}


async def test_a_taken_port_is_said_plainly() -> None:
    async with running() as (url, _):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulator", "--port", url.rpartition(":")[2]),
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        _, said = await asyncio.wait_for(process.communicate(), 10)
        assert (process.returncode, said.count(b"\n")) == (1, 1)
        assert said.startswith(b"cannot listen on 127.0.0.1:")
