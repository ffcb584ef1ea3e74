"""Files: stored, listed, read back and deleted by the deployment that owns them."""

from __future__ import annotations

import time

from simulator.api import Refusal
from simulator.call import Answer, Call, Raw, identity, pieces
from simulator.multipart import Part
from simulator.openai.listing import page
from simulator.state import File
from simulator.streams import byte_stream
from simulator.wire import Json

_BYTES = "application/octet-stream"


def upload(call: Call) -> Json:
    """Store a file; its content is kept up to 1 MB."""
    given = call.fields["file"]
    if not isinstance(given, Part):
        raise Refusal(400, "'file' is a required property", param="file")
    return store(call, given.filename or "", str(call.fields["purpose"]), given.content, given.length)


def store(call: Call, filename: str, purpose: str, content: bytes | None, length: int) -> Json:
    """Keep a file for the deployment that is called."""
    value = {
        "id": identity("file-", call),
        "object": "file",
        "bytes": length,
        "created_at": int(time.time()),
        "expires_at": None,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
        "status_details": None,
    }
    call.state.files.put(File(call.deployment, value, content))
    return value


def listed(call: Call) -> Json:
    """The deployment's files, of one purpose if the query names it."""
    purpose = call.parameter("purpose")
    values = [file.value for file in call.state.files.of(call.deployment)]
    return page([value for value in values if purpose in ("", value["purpose"])], call, default_limit=10_000)


def retrieve(call: Call) -> Json:
    """What is known of one file."""
    return find(call, call.path["id"]).value


def content(call: Call) -> Answer:
    """A file's bytes; with `chunks` in the script, that many pieces of text instead, streamed."""
    file = find(call, call.path["id"])
    if call.script.chunks is not None:
        return byte_stream(_BYTES, (piece.encode() for piece in pieces(call)))
    if file.content is None:
        raise Refusal(404, "The simulator keeps no content of files larger than 1 MB.", param="id")
    return Raw(file.content, _BYTES)


def delete(call: Call) -> Json:
    """Forget a file."""
    file = find(call, call.path["id"])
    call.state.files.remove(file)
    return {"id": file.value["id"], "object": "file", "deleted": True}


def find(call: Call, file_id: object) -> File:
    """The file of this id. Raises Refusal when the deployment does not know it."""
    file = call.state.files.get(call.deployment, file_id)
    if file is None:
        raise Refusal(404, f"No such File object: {file_id}", param="id")
    return file
