"""`python -m gateway`: the gateway on this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence

from gateway.local.errors import CannotStart
from gateway.local.options import Options, parse
from gateway.settings import SettingError, Settings

REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop. Exit code 0: ended as asked; 2: could not start, and one line said why."""
    try:
        settings = Settings.from_environment()
        options = parse(arguments, settings)
        asyncio.run(_launch()(options, settings))
    except (CannotStart, SettingError) as refusal:
        print(f"Roundhouse can't start: {refusal}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        pass
    return 0


def _launch() -> Callable[[Options, Settings], Coroutine[None, None, None]]:
    """All that serves, imported late: Ctrl-C must be as quiet while it loads, and what is not installed be named."""
    try:
        from gateway.local.launch import launch
    except ModuleNotFoundError as missing:
        raise CannotStart(f"{missing.name} is not installed: `make run` installs all and starts") from missing
    return launch


if __name__ == "__main__":
    sys.exit(main())
