"""The command line of `python -m gateway`, and its help, which also lists every setting of the environment."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from gateway import __version__
from gateway.settings import Settings

STATE_DIRECTORY = Path(__file__).resolve().parents[2] / ".roundhouse"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
DESCRIPTION = """\
Serve Roundhouse on this machine. With neither AzureWebJobsStorage nor TABLES_ENDPOINT set, Azurite is started as a
child and keeps the registry in the state directory. Where to call and with what is printed and written to local.json
there. Ctrl-C ends everything that was started."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    host: str
    port: int
    workers: int
    demo: bool
    state_directory: Path
    log_level: str


def parse(arguments: Sequence[str] | None, settings: Settings) -> Options:
    """Options from `arguments` (default: the process's own); what they leave out comes from `settings`."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description=DESCRIPTION,
        epilog=f"settings, from the environment:\n{settings_help()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (127.0.0.1)")
    parser.add_argument(
        "--port", type=_port, default=settings.port, help=f"port to serve on; 0: any that is free ({settings.port})"
    )
    parser.add_argument(
        "--workers", type=_workers, default=1, metavar="N", help="processes that serve, all on the one port (1)"
    )
    parser.add_argument(
        "--demo",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="start the simulated upstream, register three deployments of it if the registry is empty, and make a "
        "call through the OpenAI SDK (no)",
    )
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=STATE_DIRECTORY,
        metavar="DIR",
        help="where local.json, the encryption key and Azurite's data are kept (.roundhouse in the checkout)",
    )
    parser.add_argument(
        "--log-level",
        type=str.upper,
        choices=LOG_LEVELS,
        default=settings.log_level.upper(),
        help=f"how much the gateway logs ({settings.log_level})",
    )
    parser.add_argument("--version", action="version", version=f"Roundhouse {__version__}")
    given = parser.parse_args(arguments)
    return Options(
        host=given.host,
        port=given.port,
        workers=given.workers,
        demo=given.demo,
        state_directory=given.state_dir,
        log_level=given.log_level,
    )


def settings_help() -> str:
    """Every setting: its variable, its default in parentheses, what it means."""
    lines = []
    for each in fields(Settings):
        default = "" if each.default is None else f" ({each.default})"
        meaning = f"{each.metadata['help']}{default}"
        lines += textwrap.wrap(
            meaning, 110, initial_indent=f"  {each.metadata['env']:<29} ", subsequent_indent=" " * 32
        )
    return "\n".join(lines)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535")
    return int(text)


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes: 1 to 64")
    return int(text)
