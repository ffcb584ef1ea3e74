"""The worker process: the real azure-functions-runtime, told what to do by JSON lines instead of gRPC.

`python worker.py APP_DIRECTORY`. First line out: `{"ready": …}` or `{"failed": …}`. Then each line in, `{"id",
"verb", …}`, gets one line out, `{"id", …}`, in any order. Ends when its input does.
"""

import asyncio
import json
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from messages import PROTOS, Message, envelope  # a sibling: this file runs as a script, outside any package


class Worker:
    """The runtime, with the functions of one app loaded."""

    def __init__(self, directory: str) -> None:
        import azure_functions_runtime as runtime

        self._runtime = runtime
        self._directory = directory
        self._functions: dict[str, tuple[str, str]] = {}  # name: (id, name of the trigger's argument)

    async def start(self) -> dict[str, Any]:
        """Index and load the app; what the host gets to know of it."""
        self._runtime.start_threadpool_executor()
        init = Message(function_app_directory=self._directory, capabilities={})
        started = await self._runtime.worker_init_request(
            envelope("worker_init_request", init, protos=PROTOS, host="127.0.0.1")
        )
        _check(started.result)
        indexed = await self._runtime.functions_metadata_request(envelope("functions_metadata_request", Message()))
        _check(indexed.result)
        functions: dict[str, Any] = {}
        for each in indexed.function_metadata_results:
            loaded = await self._runtime.function_load_request(
                envelope("function_load_request", Message(function_id=each.function_id))
            )
            _check(loaded.result)
            trigger = next(b for b in map(json.loads, each.raw_bindings) if b["type"].lower().endswith("trigger"))
            self._functions[each.name] = each.function_id, trigger["name"]
            functions[each.name] = trigger
        return {
            "address": started.capabilities["HttpUri"],
            "functions": functions,
            "version": started.worker_metadata.worker_version,
        }

    async def invoke(self, name: str, invocation_id: str, **data: Any) -> dict[str, Any]:
        """One invocation; says whether it succeeded, as the host would log it."""
        function_id, argument = self._functions[name]
        answer = await self._runtime.invocation_request(
            envelope(
                "invocation_request",
                Message(
                    invocation_id=invocation_id,
                    function_id=function_id,
                    input_data=[Message(name=argument, data=PROTOS.TypedData(**data))],
                    trace_context=Message(),
                    retry_context=Message(),
                ),
            )
        )
        failed = answer.result.status != PROTOS.StatusResult.Success
        return {"failure": answer.result.exception.message if failed else None}

    def measure(self) -> dict[str, Any]:
        """References the worker holds to requests, and the memory (bytes) that is resident."""
        from azure_functions_runtime.http_v2 import http_coordinator

        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return {
            "references": len(http_coordinator._context_references),
            "resident_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        }

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what one line says."""
        verb = order["verb"]
        if verb == "http":
            http = PROTOS.RpcHttp(params=order["params"])
            return await self.invoke(order["function"], order["invocation_id"], http=http)
        if verb == "timer":
            return await self.invoke(order["function"], order["invocation_id"], json=json.dumps({"IsPastDue": False}))
        return self.measure()


def _check(result: Message) -> None:
    if result.status != PROTOS.StatusResult.Success:
        raise RuntimeError(f"{result.exception.message}\n{result.exception.stack_trace}")


async def _main(directory: str) -> None:
    # The runtime and the app may print: what they print is log, and only this file writes lines out.
    lines_out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO)  # the platform's worker has a handler there, and lets INFO pass
    worker = Worker(directory)
    try:
        lines_out.write(json.dumps({"ready": await worker.start()}) + "\n")
    except Exception as error:
        lines_out.write(json.dumps({"failed": str(error)}) + "\n")
        return

    lines_in = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines_in), sys.stdin)
    at_work: set[asyncio.Task[None]] = set()

    async def answer(order: dict[str, Any]) -> None:
        try:
            result = await worker.obey(order)
        except Exception:
            result = {"failure": traceback.format_exc()}  # the harness's own fault; the runtime raises nothing
        lines_out.write(json.dumps({"id": order["id"], **result}) + "\n")

    while line := await lines_in.readline():
        task = asyncio.create_task(answer(json.loads(line)))
        at_work.add(task)
        task.add_done_callback(at_work.discard)
    os._exit(0)  # as the platform ends a worker: without a farewell


if __name__ == "__main__":
    # As the worker finds the app: its directory leads, and the process stands in it.
    os.chdir(sys.argv[1])
    sys.path.insert(0, sys.argv[1])
    asyncio.run(_main(sys.argv[1]))
