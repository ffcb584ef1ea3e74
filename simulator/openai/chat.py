"""Chat completions and text completions, whole and in chunks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from simulator.call import Call, count, identity, pieces, text, words
from simulator.openai.apis import CHUNKS
from simulator.streams import Stream
from simulator.wire import Json

_FINGERPRINT = "fp_simulated"
_SAFE = {"filtered": False, "severity": "safe"}
CONTENT_FILTER: Json = {"hate": _SAFE, "self_harm": _SAFE, "sexual": _SAFE, "violence": _SAFE}
"""What Azure says about harmless content."""


def chat(call: Call) -> Json:
    """A chat completion."""
    choice: Json = {
        "index": 0,
        "message": {"role": "assistant", "content": text(call), "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    return _completed(call, identity("chatcmpl-", call), "chat.completion", choice)


def completion(call: Call) -> Json:
    """A text completion."""
    choice: Json = {"index": 0, "text": text(call), "logprobs": None, "finish_reason": "stop"}
    return _completed(call, identity("cmpl-", call), "text_completion", choice)


def chat_stream(call: Call) -> Stream:
    """A chat completion in chunks."""
    shape = _Shape(call, identity("chatcmpl-", call), "chat.completion.chunk")
    role = shape.chunk(delta={"role": "assistant", "content": "", "refusal": None})
    contents = (shape.chunk(delta={"content": piece}) for piece in pieces(call))
    return shape.stream([role], contents, shape.chunk("stop", delta={}))


def completion_stream(call: Call) -> Stream:
    """A text completion in chunks."""
    shape = _Shape(call, identity("cmpl-", call), "text_completion")
    contents = (shape.chunk(text=piece) for piece in pieces(call))
    return shape.stream([], contents, shape.chunk("stop", text=""))


def _completed(call: Call, answer_id: str, kind: str, choice: Json) -> Json:
    if call.azure:
        choice["content_filter_results"] = CONTENT_FILTER
    answer: Json = {
        "id": answer_id,
        "object": kind,
        "created": int(time.time()),
        "model": call.model,
        "choices": [choice],
        "usage": _usage(call),
        "system_fingerprint": _FINGERPRINT,
    }
    if call.azure:
        answer["prompt_filter_results"] = _prompt_filter_results()
    return answer


def _prompt_filter_results() -> list[Json]:
    return [{"prompt_index": 0, "content_filter_results": CONTENT_FILTER}]


def _usage(call: Call) -> Json:
    """Token counts, where a token is a word of the input or a piece of the answer."""
    prompt = words(call.fields.get("messages")) + words(call.fields.get("prompt"))
    generated = count(call)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


class _Shape:
    """What all chunks of one stream share."""

    def __init__(self, call: Call, answer_id: str, kind: str) -> None:
        options = call.fields.get("stream_options")
        self._call = call
        self._with_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._shared: Json = {
            "id": answer_id,
            "object": kind,
            "created": int(time.time()),
            "model": call.model,
            "system_fingerprint": _FINGERPRINT,
        }
        if self._with_usage:
            self._shared["usage"] = None

    def chunk(self, finish_reason: str | None = None, **piece: Any) -> Json:
        choice: Json = {"index": 0, **piece, "logprobs": None, "finish_reason": finish_reason}
        if self._call.azure:
            choice["content_filter_results"] = {}
        return {**self._shared, "choices": [choice]}

    def stream(self, opening: list[Json], contents: Iterator[Json], finish: Json) -> Stream:
        if self._call.azure:
            nameless: Json = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
            opening = [{**nameless, "prompt_filter_results": _prompt_filter_results()}, *opening]
        closing = [finish]
        if self._with_usage:
            closing.append({**self._shared, "choices": [], "usage": _usage(self._call)})
        return Stream(opening, contents, closing, CHUNKS)
