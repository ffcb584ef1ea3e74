"""Command line: `python -m simulator` serves the simulated upstream until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence

from simulator.server import Simulator

_DESCRIPTION = """\
A simulated OpenAI and Azure OpenAI upstream: chat, completions, embeddings and images, plain and streamed.
It prints its URL on one line when it is ready, and ends on Ctrl-C or SIGTERM."""

_EPILOG = """\
paths:
  /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/images/generations, /v1/models
  /openai/deployments/{name}/chat/completions?api-version=... and so on
  Any prefix may stand in front. The deployment is {name}, or else the body's "model"; any name is answered.

scripts, by deployment:
  curl -X PUT URL/_simulator/deployments/east -d '{"status": 429, "headers": {"retry-after-ms": "2500"}, "times": 3}'
  curl -X PUT URL/_simulator/deployments/west -d '[{"refuse": true}, {"latency_ms": 200}]'
  curl -X DELETE URL/_simulator/deployments/east

records:
  curl URL/_simulator/requests?deployment=east
  curl -X DELETE URL/_simulator/requests

The control API asks for no key: do not listen on an address that strangers can reach."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; answers the process's exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=7072, help="port, 0 for a free one (default: %(default)s)")
    parser.add_argument("--no-record", action="store_true", help="keep no record of requests; for benchmarks")
    options = parser.parse_args(arguments)
    simulator = Simulator(options.host, options.port, record=not options.no_record)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            runner.run(_serve(simulator))
        except OSError as error:
            print(f"cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
            return 1
    return 0


async def _serve(simulator: Simulator) -> None:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    async with simulator:
        print(simulator.url, flush=True)
        await told_to_stop.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    sys.exit(main())
