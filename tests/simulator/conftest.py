"""Fixtures: a simulator in this loop, an HTTP client, and a bare socket that sees resets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import openai
import pytest

from simulator import Simulator

AZURE_CHAT = "/openai/deployments/{}/chat/completions?api-version=2024-10-21"


@dataclass
class Seen:
    """All that came over a bare socket until it ended."""

    data: bytes
    reset: bool

    @property
    def events(self) -> list[Any]:
        """The stream's decoded events; chunk framing is skipped, `[DONE]` is left as text."""
        texts = [line[6:] for line in self.data.decode().splitlines() if line.startswith("data: ")]
        return [text if text == "[DONE]" else json.loads(text) for text in texts]

    @property
    def content(self) -> str:
        """The content of all chat chunks."""
        deltas = [choice["delta"] for event in self.events if "choices" in event for choice in event["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)


@dataclass
class Bare:
    """Speaks to the simulator without an HTTP client in between."""

    url: str

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        where = urlsplit(self.url)
        return await asyncio.open_connection(where.hostname, where.port)

    @staticmethod
    def request(path: str, body: bytes, *headers: str) -> bytes:
        lines = [f"POST {path} HTTP/1.1", "host: upstream", "api-key: any", f"content-length: {len(body)}", *headers]
        return "\r\n".join([*lines, "", ""]).encode() + body

    async def send(self, data: bytes) -> Seen:
        """Send bytes and read until the other side ends the connection."""
        reader, writer = await self.connect()
        writer.write(data)
        seen = Seen(b"", reset=False)
        try:
            while piece := await reader.read(65536):
                seen.data += piece
        except ConnectionResetError:
            seen.reset = True
        finally:
            writer.close()
        return seen

    async def chat(self, deployment: str = "east", *, stream: bool = False, **fields: Any) -> Seen:
        body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": stream, **fields}).encode()
        return await self.send(self.request(AZURE_CHAT.format(deployment), body, "connection: close"))


@dataclass
class Client:
    """Calls the simulator over HTTP as any user would."""

    url: str
    session: aiohttp.ClientSession

    def post(self, path: str, value: Any, **options: Any) -> Any:
        options.setdefault("headers", {"api-key": "any"})
        return self.session.post(self.url + path, json=value, **options)

    def chat(self, deployment: str = "east", *, stream: bool = False, **options: Any) -> Any:
        value = {"messages": [{"role": "user", "content": "hello there"}], "stream": stream}
        return self.post(AZURE_CHAT.format(deployment), value, **options)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
def bare(simulator: Simulator) -> Bare:
    return Bare(simulator.url)


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(simulator.url, session)


def openai_sdk(style: str, url: str) -> openai.AsyncOpenAI:
    """OpenAI's SDK, in the style of Azure or of OpenAI itself."""
    if style == "azure":
        return openai.AsyncAzureOpenAI(azure_endpoint=url, api_key="any", api_version="2024-10-21", max_retries=0)
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)


@pytest.fixture
async def azure(simulator: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_sdk("azure", simulator.url) as client:
        yield client


@pytest.fixture
async def plain(simulator: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_sdk("openai", simulator.url) as client:
        yield client


@pytest.fixture(params=["azure", "openai"])
async def sdk(simulator: Simulator, request: pytest.FixtureRequest) -> AsyncIterator[openai.AsyncOpenAI]:
    """OpenAI's SDK at the account `east`, in each style in turn."""
    async with openai_sdk(request.param, simulator.account("east")) as client:
        yield client


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits, at most two seconds, until something is so."""

    async def wait(so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 2
        while not so():
            assert time.monotonic() < deadline, "it never came about"
            await asyncio.sleep(0.005)

    return wait
