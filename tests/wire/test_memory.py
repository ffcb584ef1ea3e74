"""What a process needs for what passes through it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from simulator.server import Simulator
from tests.builders import SECRET

MEGABYTE = 1024 * 1024
PIECE = b"0123456789abcdef" * (MEGABYTE // 16)


def peak_megabytes(pid):
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


@contextlib.asynccontextmanager
async def gateway_process(upstream):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.wire.gateway_process",
        upstream,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield (await process.stdout.readline()).decode().strip(), process.pid
    finally:
        process.stdin.close()
        await process.wait()


async def upload(http, url, megabytes):
    """Send a form with one file of so many megabytes; the SHA-256 of the form."""
    digest = hashlib.sha256()
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.jsonl"\r\n\r\n'
    tail = b'\r\n--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b--\r\n'

    async def pieces():
        for piece in (head, *[PIECE] * megabytes, tail):
            digest.update(piece)
            yield piece

    headers = {"api-key": SECRET, "content-type": "multipart/form-data; boundary=b"}
    async with http.post(url + "/v1/files", data=pieces(), headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    return digest.hexdigest()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
async def test_an_upload_of_two_hundred_megabytes_adds_less_than_thirty_to_the_process():
    async with (
        Simulator() as simulator,
        aiohttp.ClientSession() as http,
        gateway_process(simulator.url) as (url, pid),
    ):
        await upload(http, url, 1)
        before = peak_megabytes(pid)
        digest = await upload(http, url, 200)
        assert simulator.received()[-1].body_sha256 == digest
        assert peak_megabytes(pid) - before < 30
