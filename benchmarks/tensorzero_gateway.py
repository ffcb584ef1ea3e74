"""TensorZero's gateway out of its PyPI package, which starts it for its clients; runs in the peer's own environment.

python tensorzero_gateway.py tensorzero.toml   prints its address, and serves until it is told to end.
"""

from __future__ import annotations

import signal
import sys

if __name__ == "__main__":
    from tensorzero import _start_http_gateway  # type: ignore[import-not-found]

    gateway = _start_http_gateway(
        config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
    )
    print("http://" + gateway.base_url.removeprefix("http://").partition("/")[0], flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
