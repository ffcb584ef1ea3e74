"""Whatever a body holds, there is an answer: a good one or a refusal, never a fault of the simulator itself."""

from __future__ import annotations

import json
from itertools import chain, product
from typing import Any

import pytest

from simulator.multipart import Form
from simulator.openai.operations import OPERATIONS
from simulator.operations import Operation
from simulator.providers import anthropic, bedrock, gemini, rerank, vertex
from simulator.record import Received
from simulator.reply import decide
from simulator.script import Playbook
from simulator.state import State
from simulator.streams import Stream

PUBLISHERS = "/v1/projects/p/locations/l/publishers"
ROWS = [
    (f"{base}{operation.path.replace('batch(?:es)?', 'batches').replace('{id}', 'x')}", operation)
    for base, operations in (
        ("/v1/", (*OPERATIONS, *anthropic.OPERATIONS)),
        ("/openai/deployments/d/", OPERATIONS),
        ("/v1beta/models/m:", gemini.MODEL_OPERATIONS),
        (f"{PUBLISHERS}/google/models/m:", vertex.MODEL_OPERATIONS),
        (f"{PUBLISHERS}/anthropic/models/m:", vertex.MODEL_OPERATIONS),
        (f"{PUBLISHERS}/anthropic/models/count-tokens:", vertex.COUNT_OPERATIONS),
        ("/model/m/", bedrock.OPERATIONS),
        ("/v2/", rerank.COHERE_OPERATIONS),
        ("/voyage/v1/", rerank.VOYAGE_OPERATIONS),
    )
    for operation in operations
]
OPTIONAL = (
    *("model", "stream", "stream_options", "n", "dimensions", "encoding_format", "partial_images", "response_format"),
    *("stream_format", "timestamp_granularities", "instructions", "background", "store", "previous_response_id"),
    *("metadata", "top_n", "top_k", "return_documents", "system", "systemInstruction", "generateContentRequest"),
    *("embedContentConfig", "parameters", "outputDimensionality", "anthropic_version", "inputText", "texts", "prompt"),
)
INVOKED = ("model", "anthropic_version", "max_tokens")
ODD: tuple[Any, ...] = (
    *(None, True, -5, 10**12, 1.5, "", "x", [], {}, [1], [None], [{}], [[1]], ["x"], {"a": 1}),
    *([{"content": 5}], [{"parts": 7, "text": {}}], {"parts": [{"text": "x"}]}, {"include_usage": True}),
)


@pytest.mark.parametrize(("path", "operation"), ROWS, ids=[f"{row[1].method} {row[0]}" for row in ROWS])
def test_any_body_is_answered(path: str, operation: Operation) -> None:
    usual = dict.fromkeys((*operation.required, *INVOKED), "x")
    for name, value in product((*operation.required, *OPTIONAL), ODD):
        for others in (usual, dict.fromkeys(operation.required, "x")):
            reply = decide(_received(path, operation, {**others, name: value}), Playbook(), State())
            assert 200 <= reply.status < 500
            if isinstance(reply.body, Stream):
                for event in chain(reply.body.opening, reply.body.contents, reply.body.closing):
                    assert reply.body.framing.encode(event)


def _received(path: str, operation: Operation, fields: dict[str, Any]) -> Received:
    query = "api-version=1&limit=x&after=y&starting_after=z"
    headers = [(name, b"any") for name in (b"x-api-key", b"api-key", b"anthropic-version")]
    received = Received(operation.method, path, query, [*headers, (b"authorization", b"Bearer any")], 0.0)
    if operation.form:
        received.form = Form(b"XX")
        received.feed(b"".join(_part(name, value) for name, value in fields.items()) + b"--XX--")
    else:
        received.feed(json.dumps(fields).encode())
    received.complete()
    return received


def _part(name: str, value: Any) -> bytes:
    as_file = name in ("file", "image") or value is None
    head = f'Content-Disposition: form-data; name="{name}"' + ('; filename="f"' if as_file else "")
    return f"--XX\r\n{head}\r\n\r\n{value}\r\n".encode()
