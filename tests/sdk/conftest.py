"""The stack that the real SDKs call."""

from __future__ import annotations

from collections.abc import AsyncIterator

import openai
import pytest

from tests.server import Stack, stack


@pytest.fixture
async def product() -> AsyncIterator[Stack]:
    async with stack() as made:
        yield made


@pytest.fixture
async def client(product: Stack) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=product.url + "/v1", api_key=product.api_key, max_retries=0) as made:
        yield made
