"""The embedded Azurite: a table service on this machine, a child of the gateway, its data kept on disk."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from gateway.errors import StorageUnavailable
from gateway.local.child import Child, Children, Role
from gateway.local.errors import CannotStart
from gateway.local.node import OLDEST_MAJOR, find_node
from gateway.local.port import free_port, is_free
from gateway.local.state import State
from gateway.settings import Settings
from gateway.storage.tables import connect
from gateway.storage.tokens import knows_management_token

# The development account; it is public: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
MAIN = Path(__file__).resolve().parents[2] / "azurite/node_modules/azurite/dist/src/table/main.js"
SAVE_OFTEN = MAIN.parents[5] / "save_often.js"
START_SECONDS = 30.0
TRIES = 3


async def start_azurite(children: Children, state: State) -> tuple[Child | None, str]:
    """Start it, on the port it had last time if that is free. Answers it and its connection string.

    No child is answered if it runs already, started by hand after an earlier one had ended: two would spoil each
    other's data. CannotStart if Node or Azurite are missing, or it does not come up.
    """
    port = state.port("azurite") or free_port()
    if not is_free(port) and await _is_ours(port, state):
        return None, connection_string(port)
    node = find_node(Path(sys.prefix))
    if node is None or not MAIN.exists():
        missing = "Azurite is not installed" if node else f"Azurite needs Node {OLDEST_MAJOR} or newer"
        raise CannotStart(f"{missing}: run `make install`, or set AzureWebJobsStorage to use another storage")
    log = state.directory / "azurite.log"
    for _ in range(TRIES):
        if not is_free(port):
            port = free_port()
        where = ["--location", str(state.azurite_data), "--tableHost", "127.0.0.1", "--tablePort", str(port)]
        command = [str(node.program), "-r", str(SAVE_OFTEN), str(MAIN), "--silent", "--disableTelemetry", *where]
        # SIGINT makes Azurite write its data before it ends; SIGTERM would end it on the spot.
        azurite = await children.start(Role.AZURITE, command, log=log, farewell=signal.SIGINT)
        if await azurite.said("successfully started", log, START_SECONDS):
            state.remember_port("azurite", port)
            return azurite, connection_string(port)
        await azurite.stop(patience=0)
    last_line = log.read_text(errors="replace").strip().rpartition("\n")[2]
    raise CannotStart(f"Azurite does not start: {last_line} (its log is {log})")


def connection_string(port: int) -> str:
    """How to reach the table service on `port` of this machine."""
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};TableEndpoint={endpoint};"


async def _is_ours(port: int, state: State) -> bool:
    """Whether what listens on `port` is a table service that knows the management token of the last run."""
    last = state.remembered()
    if last is None:
        return False
    tables = connect(Settings(storage_connection=connection_string(port)))
    try:
        return await knows_management_token(tables, last.management_token)
    except StorageUnavailable:
        return False
    finally:
        await tables.close()
