"""Batches: each line of an input file is answered, and the answers are put into an output file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec

from simulator.api import Refusal
from simulator.call import Call, identity
from simulator.openai import chat, embeddings, responses
from simulator.openai.files import find as find_file
from simulator.openai.files import store
from simulator.openai.listing import page
from simulator.state import Batch
from simulator.wire import Json, encode_json

_DAY = 24 * 60 * 60

_ENDPOINTS: dict[str, Callable[[Call], Json]] = {
    "/chat/completions": chat.chat,
    "/completions": chat.completion,
    "/embeddings": embeddings.embedding,
    "/responses": responses.create,
}


class _Line(msgspec.Struct):
    """One line of an input file."""

    custom_id: str
    body: dict[str, Any]


def create(call: Call) -> Json:
    """Begin a batch; it is in progress when fetched once, and done when fetched twice."""
    endpoint = str(call.fields["endpoint"])
    answer = _ENDPOINTS.get(endpoint.removeprefix("/v1"))
    if answer is None:
        raise Refusal(400, f"Invalid value: '{endpoint}'.", param="endpoint", code="invalid_value")
    file = find_file(call, call.fields["input_file_id"])
    now = int(time.time())
    value: Json = {
        "id": identity("batch_", call),
        "object": "batch",
        "endpoint": endpoint,
        "errors": None,
        "input_file_id": file.value["id"],
        "completion_window": call.fields["completion_window"],
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": now,
        "in_progress_at": None,
        "expires_at": now + _DAY,
        "finalizing_at": None,
        "completed_at": None,
        "failed_at": None,
        "expired_at": None,
        "cancelling_at": None,
        "cancelled_at": None,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": call.fields.get("metadata"),
    }
    call.state.batches.put(_begin(call, value, answer, file.content or b""))
    return value


def listed(call: Call) -> Json:
    """The deployment's batches, as they were last seen."""
    return page([batch.value for batch in call.state.batches.of(call.deployment)], call, default_limit=20)


def retrieve(call: Call) -> Json:
    """A batch as it is now; one that is done has an output file."""
    batch = _find(call)
    if batch.ahead:
        batch.value = batch.value | batch.ahead.pop(0)
        if batch.value["status"] == "completed":
            name = f"{batch.value['id']}_output.jsonl"
            file = store(call, name, "batch_output", batch.output, len(batch.output))
            batch.value["output_file_id"] = file["id"]
    return batch.value


def cancel(call: Call) -> Json:
    """Begin to end a batch; it is ended when fetched next."""
    batch = _find(call)
    if not batch.ahead:
        raise Refusal(409, f"Cannot cancel a batch with status '{batch.value['status']}'.", param="batch_id")
    now = int(time.time())
    batch.value = batch.value | {"status": "cancelling", "cancelling_at": now}
    batch.ahead = [{"status": "cancelled", "cancelled_at": now}]
    return batch.value


def _find(call: Call) -> Batch:
    batch = call.state.batches.get(call.deployment, call.path["id"])
    if batch is None:
        raise Refusal(404, f"No batch found with id '{call.path['id']}'.", param="batch_id")
    return batch


def _begin(call: Call, value: Json, answer: Callable[[Call], Json], given: bytes) -> Batch:
    """A batch with all that will become of it."""
    now = value["created_at"]
    try:
        lines = [msgspec.json.decode(line, type=_Line) for line in given.splitlines() if line.strip()]
        output = b"".join(encode_json(_answered(call, answer, line)) + b"\n" for line in lines)
    except (msgspec.DecodeError, KeyError) as error:
        problem = {"code": "invalid_json_line", "message": str(error), "param": None, "line": None}
        failed = {"status": "failed", "failed_at": now, "errors": {"object": "list", "data": [problem]}}
        return Batch(call.deployment, value, b"", [failed])
    counts = {"total": len(lines), "completed": 0, "failed": 0}
    begun = {"status": "in_progress", "in_progress_at": now, "request_counts": counts}
    done = {"status": "completed", "finalizing_at": now, "completed_at": now}
    done["request_counts"] = {**counts, "completed": len(lines)}
    return Batch(call.deployment, value, output, [begun, done])


def _answered(call: Call, answer: Callable[[Call], Json], line: _Line) -> Json:
    each = replace(call, id=str(uuid4()), fields=line.body, model=str(line.body["model"]))
    response = {"status_code": 200, "request_id": each.id, "body": answer(each)}
    return {"id": identity("batch_req_", each), "custom_id": line.custom_id, "response": response, "error": None}
