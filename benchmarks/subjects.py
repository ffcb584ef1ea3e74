"""Who is measured: the upstream itself, the bare relays, Roundhouse; and what one needs to know of any of them."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from benchmarks import roundhouse, workload
from benchmarks.load import Call
from benchmarks.process import Launch
from gateway import __version__

PATH = "/v1/chat/completions"
UPSTREAM = "upstream"
BARE_HTTPTOOLS = "bare httptools relay"
BARE_AIOHTTP = "bare aiohttp relay"
ROUNDHOUSE = "Roundhouse"


@dataclass(frozen=True)
class Subject:
    """One of those that are measured.

    launch: how to start it before an upstream; None: it is the upstream, asked directly. note: its settings, for the
    results. headers: of each call, `{upstream}` in them standing for its address.
    """

    name: str
    version: str
    note: str
    launch: Callable[[str], Launch] | None
    model: str = workload.MODEL
    path: str = PATH
    headers: Mapping[str, str] = field(default_factory=dict)

    def call(self, address: str, upstream: str, body: bytes) -> Call:
        """A call of it, where it serves."""
        headers = {name: value.replace("{upstream}", upstream) for name, value in self.headers.items()}
        return Call(address + self.path, headers, body)


@dataclass(frozen=True)
class Missing:
    """One that can't be measured here, and why."""

    name: str
    reason: str


def ours(launch_roundhouse: Callable[[str], Launch], storage: str) -> list[Subject]:
    """All that is in the tree. launch_roundhouse: how to start it; storage: what it keeps its tables in."""
    python = f"Python {platform.python_version()}, uvicorn {version('uvicorn')}"
    return [
        Subject(UPSTREAM, "", "`benchmarks/upstream.py` itself, asked directly: the ceiling of all others", None),
        _bare(BARE_AIOHTTP, "aiohttp", f"{python}, aiohttp {version('aiohttp')}"),
        _bare(BARE_HTTPTOOLS, "httptools", f"{python}, httptools {version('httptools')}"),
        Subject(
            ROUNDHOUSE,
            f"{__version__}, {python}",
            f"{roundhouse.NOTE}; storage: {storage}",
            launch_roundhouse,
            headers={"authorization": f"Bearer {roundhouse.API_KEY}"},
        ),
    ]


def _bare(name: str, module: str, versions: str) -> Subject:
    def launch(upstream: str) -> Launch:
        return Launch([sys.executable, "-m", f"benchmarks.bare_{module}", upstream])

    return Subject(name, versions, f"`benchmarks/bare_{module}.py`: no authentication, no choice, no metering", launch)
