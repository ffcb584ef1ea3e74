"""The chunks of streamed answers, in the order the real APIs send them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from simulator.answers import FINGERPRINT, Call, answer_id, pieces, prompt_filter_results, usage
from simulator.wire import Json


@dataclass(slots=True)
class Stream:
    """A streamed answer: what comes before the content, the content, and what comes after it."""

    opening: list[Json]
    contents: Iterable[Json]
    closing: list[Json]


def chat(call: Call) -> Stream:
    """A chat completion in chunks."""
    shape = _Shape(call, answer_id("chatcmpl", call), "chat.completion.chunk")
    role = shape.chunk(delta={"role": "assistant", "content": "", "refusal": None})
    contents = (shape.chunk(delta={"content": piece}) for piece in pieces(call))
    return shape.stream([role], contents, shape.chunk("stop", delta={}))


def completion(call: Call) -> Stream:
    """A text completion in chunks."""
    shape = _Shape(call, answer_id("cmpl", call), "text_completion")
    contents = (shape.chunk(text=piece) for piece in pieces(call))
    return shape.stream([], contents, shape.chunk("stop", text=""))


class _Shape:
    """What all chunks of one stream share."""

    def __init__(self, call: Call, identity: str, kind: str) -> None:
        options = call.fields.get("stream_options")
        self._call = call
        self._with_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._shared: Json = {
            "id": identity,
            "object": kind,
            "created": int(time.time()),
            "model": call.deployment,
            "system_fingerprint": FINGERPRINT,
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
            opening = [{**nameless, "prompt_filter_results": prompt_filter_results()}, *opening]
        closing = [finish]
        if self._with_usage:
            closing.append({**self._shared, "choices": [], "usage": usage(self._call)})
        return Stream(opening if self._call.script.opening else [], contents, closing)
