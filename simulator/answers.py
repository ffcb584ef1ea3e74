"""The bodies of good answers: chat, completion, embedding, image and the list of models."""

from __future__ import annotations

import base64
import math
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import shake_256
from typing import Any

from simulator.errors import Style
from simulator.script import Script
from simulator.wire import Json

FINGERPRINT = "fp_simulated"
DEFAULT_DIMENSIONS = 8
MAX_DIMENSIONS = 4096

# One black pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "gpt-image-1")
_SAFE = {"filtered": False, "severity": "safe"}
_CONTENT_FILTER: Json = {"hate": _SAFE, "self_harm": _SAFE, "sexual": _SAFE, "violence": _SAFE}


@dataclass(slots=True)
class Call:
    """One call that is to be answered well."""

    id: str
    """A UUID; it makes the request's id and the answer's."""
    style: Style
    deployment: str
    fields: Json
    """The request's decoded body."""
    script: Script

    @property
    def azure(self) -> bool:
        """Whether the caller used Azure's paths."""
        return self.style == "azure"


def greeting(call: Call) -> list[str]:
    """The words that every answer begins with; they say which deployment answered."""
    return f"Hello from {call.deployment} at your service.".split(" ")


def pieces(call: Call) -> Iterator[str]:
    """The generated text, piece by piece; a plain answer holds the same text as a stream."""
    words = greeting(call)
    size = call.script.chunk_bytes
    for index in range(call.script.chunks or len(words)):
        word = words[index] if index < len(words) else f"word{index + 1}"
        piece = f" {word}" if index else word
        yield piece if size is None else piece[:size].ljust(size, ".")


def chat(call: Call) -> Json:
    """A chat completion."""
    choice: Json = {
        "index": 0,
        "message": {"role": "assistant", "content": "".join(pieces(call)), "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    return _completed(call, answer_id("chatcmpl", call), "chat.completion", choice)


def completion(call: Call) -> Json:
    """A text completion."""
    choice: Json = {"index": 0, "text": "".join(pieces(call)), "logprobs": None, "finish_reason": "stop"}
    return _completed(call, answer_id("cmpl", call), "text_completion", choice)


def answer_id(prefix: str, call: Call) -> str:
    """The id inside the body, such as `chatcmpl-0123…`."""
    return f"{prefix}-{call.id.replace('-', '')}"


def _completed(call: Call, identity: str, kind: str, choice: Json) -> Json:
    if call.azure:
        choice["content_filter_results"] = _CONTENT_FILTER
    answer: Json = {
        "id": identity,
        "object": kind,
        "created": int(time.time()),
        "model": call.deployment,
        "choices": [choice],
        "usage": usage(call),
        "system_fingerprint": FINGERPRINT,
    }
    if call.azure:
        answer["prompt_filter_results"] = prompt_filter_results()
    return answer


def prompt_filter_results() -> list[Json]:
    """What Azure says about the prompt."""
    return [{"prompt_index": 0, "content_filter_results": _CONTENT_FILTER}]


def usage(call: Call) -> Json:
    """Token counts, where a token is a word of the input or a piece of the answer."""
    prompt = words(call.fields.get("messages")) + words(call.fields.get("prompt"))
    generated = call.script.chunks or len(greeting(call))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def words(value: Any) -> int:
    """Words in a string, token ids in a list of numbers, or the sum over messages and their text parts."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, list):
        return sum(words(each) for each in value)
    if isinstance(value, dict):
        return words(value.get("content")) + words(value.get("text"))
    return int(isinstance(value, int))


def embedding(call: Call) -> Json:
    """Vectors of length one that depend on the input and the dimensions alone."""
    given = call.fields["input"]
    inputs = given if isinstance(given, list) and not all(isinstance(each, int) for each in given) else [given]
    wanted = call.fields.get("dimensions")
    size = min(max(wanted, 1), MAX_DIMENSIONS) if isinstance(wanted, int) else DEFAULT_DIMENSIONS
    as_text = call.fields.get("encoding_format") == "base64"
    data = []
    for index, each in enumerate(inputs):
        packed = packed_vector(each, size)
        vector = base64.b64encode(packed).decode() if as_text else struct.unpack(f"<{size}f", packed)
        data.append({"object": "embedding", "index": index, "embedding": vector})
    count = words(inputs)
    tokens = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "data": data, "model": call.deployment, "usage": tokens}


def packed_vector(text: object, size: int) -> bytes:
    """A unit vector as little-endian 32-bit floats, drawn from the hash of the input."""
    drawn = struct.unpack(f"<{size}i", shake_256(str(text).encode()).digest(4 * size))
    norm = math.hypot(*drawn) or 1.0
    return struct.pack(f"<{size}f", *(each / norm for each in drawn))


def image(call: Call) -> Json:
    """One black pixel, as often as `n` says."""
    wanted = call.fields.get("n")
    count = min(max(wanted, 1), 10) if isinstance(wanted, int) else 1
    one: Json = {"b64_json": PNG, "revised_prompt": f"Drawn by {call.deployment}: {call.fields['prompt']}"}
    if call.azure:
        one |= {"content_filter_results": _CONTENT_FILTER, "prompt_filter_results": _CONTENT_FILTER}
    return {"created": int(time.time()), "data": [one] * count}


def models(call: Call) -> Json:
    """A few well-known models; the simulator answers to any name."""
    listed = [{"id": name, "object": "model", "created": 1700000000, "owned_by": "simulator"} for name in _MODELS]
    return {"object": "list", "data": listed}
