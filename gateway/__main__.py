"""`python -m gateway`: the gateway on this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from gateway.local.errors import CannotStart
from gateway.local.options import parse
from gateway.settings import SettingError, Settings

REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop. Exit code 0: ended as asked; 2: could not start, and one line said why."""
    try:
        settings = Settings.from_environment()
        options = parse(arguments, settings)
        # Not at the top: Ctrl-C while these load must end as quietly as later.
        from gateway.local.launch import launch

        asyncio.run(launch(options, settings))
    except (CannotStart, SettingError) as refusal:
        print(f"Roundhouse can't start: {refusal}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
