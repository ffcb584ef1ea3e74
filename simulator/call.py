"""One call, and the generated text that every operation answers with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from simulator.api import Api
from simulator.script import Script
from simulator.state import State
from simulator.streams import Stream
from simulator.wire import Json


@dataclass(slots=True)
class Raw:
    """An answer that is no JSON object, or that has headers of its own."""

    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Json | Raw | Stream


@dataclass(slots=True)
class Call:
    """One call that is to be answered well."""

    id: str
    """A UUID; it makes the request's id and the answer's."""
    api: Api
    deployment: str
    """Who answers; what it stores is its own."""
    model: str
    """The model as the path or the body names it; else the deployment."""
    fields: Json
    """The request's decoded body or form; a form's files are `Part`s."""
    script: Script
    state: State
    path: Mapping[str, str]
    """The variable parts of the path, such as `id`."""
    query: str = ""

    @property
    def azure(self) -> bool:
        """Whether the caller used Azure's paths."""
        return self.api.name == "azure"

    def parameter(self, name: str) -> str:
        """The first query parameter of this name, or an empty string."""
        return parse_qs(self.query).get(name, [""])[0]

    @property
    def asks_for_stream(self) -> bool:
        """Whether a stream is asked for as OpenAI and Anthropic have it: by a field, or by a parameter of a GET."""
        return self.fields.get("stream") is True or "stream=true" in self.query


def identity(prefix: str, call: Call) -> str:
    """An id made from the call's, such as `chatcmpl-0123…`; the prefix brings its own separator."""
    return prefix + call.id.replace("-", "")


def greeting(call: Call) -> list[str]:
    """The words that every answer begins with; they say which deployment answered."""
    return f"Hello from {call.deployment} at your service.".split(" ")


def count(call: Call) -> int:
    """How many pieces the generated text has."""
    return call.script.chunks or len(greeting(call))


def pieces(call: Call) -> Iterator[str]:
    """The generated text, piece by piece; a plain answer holds the same text as a stream."""
    words = greeting(call)
    size = call.script.chunk_bytes
    for index in range(call.script.chunks or len(words)):
        word = words[index] if index < len(words) else f"word{index + 1}"
        piece = f" {word}" if index else word
        yield piece if size is None else piece[:size].ljust(size, ".")


def text(call: Call) -> str:
    """The generated text as one."""
    if call.script.chunks is call.script.chunk_bytes is None:
        return " ".join(greeting(call))
    return "".join(pieces(call))


_TEXTS = ("content", "text", "parts")


def words(value: Any) -> int:
    """Words in a string, token ids in a list of numbers, or the sum over messages and their parts' text."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, list):
        return sum([words(each) for each in value])
    if isinstance(value, dict):
        return sum([words(value[name]) for name in _TEXTS if name in value])
    return int(isinstance(value, int))


def whole(value: Any, least: int, most: int, default: int) -> int:
    """A whole number from a request's field, held between two bounds."""
    return int(min(max(value, least), most)) if isinstance(value, int) else default


def objects(value: Any) -> list[Json]:
    """The JSON objects in a list; none in anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def an_object(value: Any) -> Json:
    """A JSON object; an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}
