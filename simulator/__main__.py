"""Command line: `python -m simulator` serves the simulated upstream until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence

from simulator.server import Simulator

_DESCRIPTION = """\
A simulated upstream: OpenAI and Azure OpenAI, Anthropic, Gemini, Vertex, Bedrock, Cohere and Voyage.
It prints its URL on one line when it is ready, and ends on Ctrl-C or SIGTERM."""

_EPILOG = """\
paths:
  OpenAI     /v1/{operation}: chat/completions, completions, embeddings, moderations, images/..., audio/...,
             responses..., files..., batches..., batch..., models...
  Azure      /openai/deployments/{name}/{operation}?api-version=..., /openai/{operation}?api-version=...
  Anthropic  /v1/messages, /v1/messages/count_tokens, /v1/models
  Gemini     /v1beta/models/{name}:generateContent and so on, /v1beta/openai/{operation}
  Vertex     /v1/projects/{p}/locations/{l}/publishers/{p}/models/{name}:generateContent, ...:rawPredict and so on,
             /v1/projects/{p}/locations/{l}/endpoints/openapi/{operation}
  Bedrock    /model/{name}/converse, .../converse-stream, .../invoke, .../invoke-with-response-stream
  Cohere     /v2/rerank, /v1/rerank
  Voyage     /voyage/v1/rerank
  Any prefix may stand in front. The deployment is {name}, or else the body's "model"; any name is answered.
  The prefix /accounts/{deployment} names it instead: responses, files and batches are known only where they were
  made, and paths that name no model need it.

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
