"""The operations table: one row for each kind of OpenAI call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Body = Literal["json", "form", "none", "any"]


@dataclass(frozen=True, slots=True)
class Action:
    """One method on one path of an operation, below the version prefix; `{id}` stands for the id of a thing.

    body: what the request carries. lists: whether it lists things instead of working on one or making one.
    """

    method: str
    path: str
    body: Body = "none"
    lists: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of OpenAI call.

    name: the glossary's word. deployment_class: the pool that serves it. actions: its methods and paths, the one that
    makes or asks something first. stream_end: the data that closes its event streams, where OpenAI sends any. probe:
    the cheapest real body of the first action; None where a probe would leave something behind. id_prefixes: how the
    ids of the things it makes begin; with any, such a thing lives at the deployment that made it.
    mentions_things: whether its bodies may name such things, as a chat may name a file.
    model_in_body: whether its body names a model. native: a provider's own API, forwarded path and all.
    """

    name: str
    deployment_class: str
    actions: tuple[Action, ...]
    stream_end: bytes | None = None
    probe: Mapping[str, Any] | None = None
    id_prefixes: tuple[str, ...] = ()
    mentions_things: bool = False
    model_in_body: bool = True
    native: bool = False

    @property
    def path(self) -> str:
        """The path of the first action."""
        return self.actions[0].path


def _asks(name: str, path: str, deployment_class: str, **more: Any) -> Operation:
    """An operation of one JSON request and one answer."""
    return Operation(name, deployment_class, (Action("POST", path, "json"),), **more)


def _uploads(name: str, deployment_class: str, *paths: str) -> Operation:
    """An operation that takes files in a form."""
    return Operation(name, deployment_class, tuple(Action("POST", path, "form") for path in paths))


def _native(name: str) -> Operation:
    """A provider's own API under its own paths."""
    return Operation(name, name, (Action("POST", "", "any"),), model_in_body=name == "anthropic", native=True)


OPERATIONS = (
    _asks(
        "chat",
        "chat/completions",
        "openai-chat",
        stream_end=b"[DONE]",
        mentions_things=True,
        probe={"messages": [{"role": "user", "content": "ping"}], "max_tokens": 1},
    ),
    _asks(
        "completion",
        "completions",
        "openai-completions",
        stream_end=b"[DONE]",
        probe={"prompt": "ping", "max_tokens": 1},
    ),
    _asks("embedding", "embeddings", "openai-embeddings", probe={"input": "ping"}),
    _asks("image_generation", "images/generations", "openai-images-generations", probe={"prompt": "a dot", "n": 1}),
    _uploads("image_edit", "openai-images-edits", "images/edits", "images/variations"),
    _uploads("audio_transcription", "openai-audio-transcriptions", "audio/transcriptions"),
    _uploads("audio_translation", "openai-audio-translations", "audio/translations"),
    _asks("audio_speech", "audio/speech", "openai-audio-speech", probe={"input": "ping", "voice": "alloy"}),
    _asks("moderation", "moderations", "openai-moderations", probe={"input": "ping"}),
    _asks("rerank", "rerank", "openai-rerank", probe={"query": "ping", "documents": ["pong"]}),
    Operation(
        "response",
        "openai-responses",
        (
            Action("POST", "responses", "json"),
            Action("GET", "responses/{id}"),
            Action("DELETE", "responses/{id}"),
            Action("POST", "responses/{id}/cancel"),
            Action("GET", "responses/{id}/input_items"),
        ),
        probe={"input": "ping", "max_output_tokens": 16, "store": False},
        id_prefixes=("resp",),
        mentions_things=True,
    ),
    Operation(
        "batch",
        "openai-batch",
        (
            Action("POST", "batches", "json"),
            Action("GET", "batches", lists=True),
            Action("GET", "batches/{id}"),
            Action("POST", "batches/{id}/cancel"),
        ),
        id_prefixes=("batch",),
        mentions_things=True,
        model_in_body=False,
    ),
    Operation(
        "file",
        "openai-batch",
        (
            Action("POST", "files", "form"),
            Action("GET", "files", lists=True),
            Action("GET", "files/{id}"),
            Action("DELETE", "files/{id}"),
            Action("GET", "files/{id}/content"),
        ),
        id_prefixes=("file", "assistant"),
        model_in_body=False,
    ),
    _native("anthropic"),
    _native("gemini"),
    _native("bedrock"),
    _native("vertex"),
)

BY_NAME = {operation.name: operation for operation in OPERATIONS}


def _by_class() -> dict[str, tuple[Operation, ...]]:
    classes: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        classes.setdefault(operation.deployment_class, []).append(operation)
    return {name: tuple(members) for name, members in classes.items()}


# What a class serves when a deployment does not say; batches live on files, so one class serves both.
BY_CLASS = _by_class()


def _spellings(operation: Operation) -> Iterable[str]:
    """Every way seed 000 and its users write an operation: short name, enum, path with and without prefix, class."""
    yield operation.name
    if operation is BY_CLASS[operation.deployment_class][0]:
        yield operation.deployment_class
    for action in operation.actions:
        if action.path and "{" not in action.path:
            yield from (action.path, f"v1/{action.path}")


_BY_SPELLING = {spelling: operation for operation in OPERATIONS for spelling in _spellings(operation)}
_BY_SPELLING |= {"v1/batch": BY_NAME["batch"], "v2/rerank": BY_NAME["rerank"], "image_variation": BY_NAME["image_edit"]}


def spelled(text: str) -> Operation | None:
    """The operation that `chat`, `CHAT`, `/v1/chat/completions` or `openai-chat` means; None if none is."""
    return _BY_SPELLING.get(text.strip().strip("/").lower())
