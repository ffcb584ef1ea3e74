"""A whole product on a real wire, and plain HTTP to call it with."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import openai
import pytest

from tests.server import Stack, stack


@pytest.fixture
async def product() -> AsyncIterator[Stack]:
    async with stack() as made:
        yield made


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture
async def client(product: Stack) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=product.url + "/v1", api_key=product.api_key, max_retries=0) as made:
        yield made


def chat(http: aiohttp.ClientSession, product: Stack, **fields: Any) -> Any:
    """A chat call, as an awaitable and as a context manager."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "ping"}], **fields})
    return http.post(product.url + "/v1/chat/completions", data=body, headers={"api-key": product.api_key})


async def until(condition: Callable[[], bool], seconds: float = 2.0) -> None:
    """Wait for a condition; fail when it does not come in time."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come"
        await asyncio.sleep(0.002)
