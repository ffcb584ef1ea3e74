"""The demo: a simulated upstream as a child, three deployments of it, and one call through the OpenAI SDK."""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Any

from gateway.local.child import Children, Role
from gateway.local.errors import CannotStart
from gateway.local.management import ManagementApi
from gateway.local.port import free_port, is_free
from gateway.local.state import State

DEPLOYMENTS = ("east", "west", "north")
CLASS = "openai-chat"
TAGS = {"demo": "simulated upstream"}
QUESTION = "Who answers?"
START_SECONDS = 20.0


async def start_simulator(children: Children, state: State) -> str:
    """Start the simulated upstream, on the port it had last time if that is free; answers its URL."""
    port = state.port("simulator")
    if port is None or not is_free(port):
        port = free_port()
    log = state.directory / "simulator.log"
    command = [sys.executable, "-m", "simulator", "--no-record", "--port", str(port)]
    simulator = await children.start(Role.SIMULATOR, command, log=log)
    url = await simulator.said("http://", log, START_SECONDS)
    if url is None:
        raise CannotStart(f"the simulated upstream does not start; its log is {log}")
    state.remember_port("simulator", port)
    return url


async def register_demo(api: ManagementApi, upstream: str) -> bool:
    """Into an empty registry register three deployments of `upstream`; of earlier ones renew the address.

    Answers whether the demo's deployments are the only active ones of their class: then a call costs nothing.
    """
    registered = await api.deployments()
    if not registered:
        for name in DEPLOYMENTS:
            await api.upsert(
                {
                    "deployment_class": CLASS,
                    "friendly_name": name,
                    "deployment_name": name,
                    "endpoint_key": "simulated",
                    "resource_name": "simulated",
                    "endpoint_url": upstream,
                    "active": True,
                    "tags": TAGS,
                }
            )
        return True
    for each in registered:
        if is_demo(each) and each["endpoint_url"] != upstream:
            known = {name: each[name] for name in ("deployment_class", "friendly_name")}
            await api.upsert({**known, "endpoint_url": upstream})
    chat = [each for each in registered if each["deployment_class"] == CLASS and each["active"]]
    return bool(chat) and all(map(is_demo, chat))


def is_demo(deployment: dict[str, Any]) -> bool:
    """Whether the demo registered this deployment."""
    return bool(deployment["tags"] == TAGS)


async def load_sdk() -> None:
    """Import the OpenAI SDK, which takes most of a second, beside the event loop. CannotStart if it is missing."""
    try:
        await asyncio.to_thread(importlib.import_module, "openai")
    except ModuleNotFoundError as missing:
        raise CannotStart(
            "the demo needs the OpenAI SDK: `make install` brings it, --no-demo does without"
        ) from missing


async def call_through_sdk(url: str, api_key: str) -> str:
    """One chat call through the gateway; answers, in a sentence, which deployment served it and what it said."""
    await load_sdk()
    from openai import AsyncOpenAI, OpenAIError

    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=api_key) as client:
        try:
            raw = await client.chat.completions.with_raw_response.create(
                model="demo", messages=[{"role": "user", "content": QUESTION}]
            )
        except OpenAIError as error:
            return f"A call through the OpenAI SDK failed: {error}"
    deployment, text = raw.headers.get("x-gateway-deployment"), raw.parse().choices[0].message.content
    return f"A call through the OpenAI SDK was answered by {deployment!r}: {text}"
