"""One serving process: uvicorn with the gateway's app, on a socket that the parent opened and passed on."""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
from functools import partial

import uvicorn

from gateway.app import create_app
from gateway.collector import look_less_often
from gateway.local.port import BACKLOG
from gateway.server.protocol import server_config
from gateway.settings import Settings

# What calls under way get when the gateway is told to end.
GRACE_SECONDS = 2


def main(descriptor: int) -> None:
    """Serve on the listening socket `descriptor` until SIGTERM. The settings come as JSON on standard input.

    Not from the environment: the parent knows more than that, and by the time it does, all imports are done here.
    """
    settings = Settings(**json.load(sys.stdin))
    level = settings.log_level.upper()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s [%(process)d] %(message)s")
    logging.getLogger("gateway").setLevel(level)
    config = server_config(
        partial(create_app, settings),
        factory=True,
        backlog=BACKLOG,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    look_less_often()
    # uvicorn raises the signal once more when it has ended well, for whoever listened before it; that is nobody here.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
