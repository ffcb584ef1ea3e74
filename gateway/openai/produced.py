"""How much of an answer has streamed by, by the look of it: for calls whose usage nobody told."""

from __future__ import annotations

import re

from msgspec.structs import replace

from gateway.openai.tokens import Tokens

CHARACTERS_A_TOKEN = 4

_CHAT = "content|reasoning_content|reasoning|arguments|refusal"
_ANTHROPIC = "text|thinking|partial_json"
# The fields that carry what a model says, thoughts and calls of tools included. The closing events of responses and
# transcriptions say everything once more, in other fields.
_FIELDS = {
    "chat": _CHAT,
    "completion": "text",
    "response": "delta",
    "audio_transcription": "delta",
    "audio_translation": "delta",
    "anthropic": _ANTHROPIC,
    "gemini": "text",
    "vertex": f"{_CHAT}|{_ANTHROPIC}",
    "bedrock": f"{_CHAT}|{_ANTHROPIC}|generation|outputText|completion|input",
}


def _said(fields: str) -> re.Pattern[bytes]:
    """Finds what such fields say; a quote inside a string is escaped, so nothing that is said looks like a field."""
    return re.compile(rb'"(?:%b)": ?"([^"\\]*(?:\\.[^"\\]*)*)"' % fields.encode(), re.DOTALL)


_SAID = {operation: _said(fields) for operation, fields in _FIELDS.items()}


class Produced:
    """Counts the pieces of text that pass, and their length. operation: by name; one that says nothing counts none."""

    __slots__ = ("_characters", "_find", "_pieces")

    def __init__(self, operation: str) -> None:
        said = _SAID.get(operation)
        self._find = said.findall if said is not None else None
        self._pieces = 0
        self._characters = 0

    def feed(self, whole: bytes) -> None:
        """Count the text in these events or frames."""
        if self._find is not None:
            for text in self._find(whole):
                if text:
                    self._pieces += 1
                    self._characters += len(text)

    @property
    def tokens(self) -> int:
        """Estimated: a piece is a token at least, and so are four characters, as they stand on the wire."""
        return max(self._pieces, -(-self._characters // CHARACTERS_A_TOKEN))


def estimate(told: Tokens | None, heard: int, said: int) -> Tokens:
    """What to bill a stream that did not tell its usage to the end.

    told: what it told before, as Anthropic tells the input when it begins. heard: the input, estimated, for one that
    told nothing. said: the output, estimated.
    """
    return Tokens(input=heard, output=said) if told is None else replace(told, output=max(told.output, said))
