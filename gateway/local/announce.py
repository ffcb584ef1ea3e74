"""What the local run says to the one who started it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from gateway import __version__
from gateway.local.state import LocalFile
from gateway.local.storage import StorageAddress


def starting(storage: StorageAddress | None, data: Path, demo: bool) -> None:
    """What is about to be started; None: Azurite, on `data`."""
    kept = f"an Azurite that keeps its registry in {data}" if storage is None else f"its registry in {storage.shown}"
    _say(f"Roundhouse {__version__} starts, with {kept}{', and a simulated upstream' if demo else ''}.")


def azurite_found(connection: str) -> None:
    """An Azurite of an earlier run is still there."""
    _say(f"Azurite is running already; it is used as it is, and left running: {connection}")


def serving(url: str) -> None:
    """The gateway answers."""
    _say(f"It serves on {url} (Ctrl-C ends it).")


def waiting(storage: StorageAddress, reason: Exception) -> None:
    """Storage can't be reached at the start."""
    _say(f"Storage does not answer: {storage.shown} ({reason})")
    _say("Until it does, calls get 503. Then all recovers by itself, and what opens the gateway is said here.")


def no_encryption_key() -> None:
    """A storage that is not this machine's, and no key for its secrets."""
    _say("GATEWAY_ENCRYPTION_KEY is not set: provider keys are refused (503), so there is no demo either.")


def refused(refusal: Exception) -> None:
    """The gateway serves, but did not take what the local run registers."""
    _say(f"WARNING: the tenant, its API key and the demo could not be registered: {refusal}")


def ready(local: LocalFile, storage: StorageAddress, file: Path) -> None:
    """Everything that a first call needs; the lines under curl and SDK can be pasted."""
    url, key = local.url, local.api_key
    messages = json.dumps([{"role": "user", "content": "Hello"}])
    call = f'chat.completions.create(model="demo", messages={messages})'
    _say(f"""
  management token  {local.management_token}
  API key           {key}
  storage           {storage.shown}
  in a file         {file}
  management API    {url}/api/v1/management/docs

With curl:
  curl {url}/v1/chat/completions -H "Authorization: Bearer {key}" \\
    -H "Content-Type: application/json" -d '{{"model": "demo", "messages": {messages}}}'

With the OpenAI SDK:
  from openai import OpenAI
  print(OpenAI(base_url="{url}/v1", api_key="{key}").{call})
""")


def demo(upstream: str, outcome: str | None) -> None:
    """What became of the demo's call."""
    if outcome is None:
        _say("The registry holds chat deployments that are not the demo's, or none: the demo made no call.")
    else:
        _say(outcome)
    _say(f"The simulated upstream is {upstream}")


def azurite_ended(code: int, command: str) -> None:
    """Azurite is gone, and not by us."""
    _say(
        f"WARNING: Azurite ended ({end(code)}). The gateway serves on from memory, and answers changes with 503 until "
        f"Azurite is back. This starts it again:\n  {command}"
    )


def worker_ended(pid: int, code: int) -> None:
    """A serving process is gone, and not by us."""
    _say(f"WARNING: the serving process {pid} ended ({end(code)}); another one takes its place.")


def stopping() -> None:
    """We were told to stop."""
    _say("Stopping.")


def end(code: int) -> str:
    """How a process ended, from its exit code."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _say(text: str) -> None:
    try:
        print(text, flush=True)  # at once: what reads it may be a pipe
    except OSError:  # the reader or the terminal is gone, and nobody is left to tell; serving goes on
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
