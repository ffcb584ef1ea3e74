"""Tokens: what an upstream counted of one call."""

from __future__ import annotations

from typing import Any

import msgspec

# No call uses more; a larger number is a mistake, and sums of it would outgrow what a table can hold.
MOST = 10**12


class Tokens(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Counts of one call, as the upstream told them.

    input, output: all tokens of either side; the others are parts of them. cached_input: of the input, read from a
    cache; cache_write: of the input, written to one. reasoning: of the output. audio_input, audio_output, image_input,
    image_output: of either, those that stand for sound or pictures. images: images made. characters: of text spoken.
    seconds: of sound heard. queries: searches of a rerank.
    """

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0
    image_output: int = 0
    images: int = 0
    characters: int = 0
    seconds: float = 0.0
    queries: int = 0

    @property
    def total(self) -> int:
        """What limits count: input and output."""
        return self.input + self.output


def count(value: Any) -> int | None:
    """A number of the wire as a count, and 1.0 is 1; None for what is none: missing, a text, negative, broken, huge."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MOST else None


def sides(heard: Any, said: Any, total: Any) -> tuple[int, int] | None:
    """Input and output, from what the wire has of them and of their sum; a missing one is the rest of the sum.

    None when nothing is told, or when what is told of one side can't be read and the sum does not help.
    """
    heard_count, said_count, whole = count(heard), count(said), count(total)
    if heard_count is not None and said_count is not None:
        return heard_count, said_count
    known = heard_count if said_count is None else said_count
    if whole is None:
        unreadable = (heard is not None and heard_count is None) or (said is not None and said_count is None)
        return None if known is None or unreadable else (heard_count or 0, said_count or 0)
    rest = max(whole - (known or 0), 0)
    return (rest, said_count) if said_count is not None else (rest, 0) if heard_count is None else (heard_count, rest)
