"""Embeddings and moderations: short answers about each text of the input."""

from __future__ import annotations

import base64

from simulator.call import Call, identity, words
from simulator.vectors import packed_vector, vector
from simulator.wire import Json

_CATEGORIES = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm"),
    *("self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic"),
)


def embedding(call: Call) -> Json:
    """One vector for each input."""
    given = call.fields["input"]
    inputs = given if isinstance(given, list) and not all(isinstance(each, int) for each in given) else [given]
    size = call.fields.get("dimensions")
    as_text = call.fields.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(packed_vector(each, size)).decode() if as_text else vector(each, size),
        }
        for index, each in enumerate(inputs)
    ]
    tokens = words(inputs)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": call.model, "usage": usage}


def moderation(call: Call) -> Json:
    """A verdict on each input; only the word "kill" is found violent."""
    given = call.fields["input"]
    inputs = given if isinstance(given, list) else [given]
    return {"id": identity("modr-", call), "model": call.model, "results": [_verdict(str(each)) for each in inputs]}


def _verdict(text: str) -> Json:
    flagged = ["violence"] if "kill" in text.lower() else []
    return {
        "flagged": bool(flagged),
        "categories": {name: name in flagged for name in _CATEGORIES},
        "category_scores": {name: 0.99 if name in flagged else 0.0001 for name in _CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }
